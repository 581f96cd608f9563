// Replaces readable-stream, a copy of Node's streams, with Node's own (as READABLE_STREAM=disable does).
module.exports = require('node:stream')
