// Stands for readable-stream, a copy of Node's streams: the ones of Node itself (as its READABLE_STREAM=disable does).
module.exports = require('node:stream')
