// Stands for socks: mqtt would use it to reach a broker by way of a SOCKS proxy, which gatewatch does not offer.
module.exports = {
  SocksClient: class {
    constructor() {
      throw new Error('SOCKS proxies are not part of gatewatch')
    }
  },
}
