// Replaces socks, with which MQTT.js connects through a SOCKS proxy; gatewatch does not support that.
module.exports = {
  SocksClient: class {
    constructor() {
      throw new Error('SOCKS proxies are not part of gatewatch')
    }
  },
}
