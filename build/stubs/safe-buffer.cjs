// Replaces safe-buffer, a polyfill for Node before 4.5.
module.exports = require('node:buffer')
