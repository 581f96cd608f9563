// Replaces xml2js: dbus-next creates a builder for each bus but uses it only for introspection, which gatewatch never does.
function refuse() {
  throw new Error('introspection is not part of gatewatch')
}

module.exports = {
  Builder: class {
    buildObject() {
      refuse()
    }
  },
  Parser: class {
    parseString() {
      refuse()
    }
  },
}
