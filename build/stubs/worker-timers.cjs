// Stands for worker-timers, which mqtt uses in browsers only.
module.exports = {}
