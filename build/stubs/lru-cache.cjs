// Replaces lru-cache, which MQTT.js would need only if it published with topic aliases.
module.exports = { LRUCache: class {} }
