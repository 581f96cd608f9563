// Replaces worker-timers, which MQTT.js uses only in browsers.
module.exports = {}
