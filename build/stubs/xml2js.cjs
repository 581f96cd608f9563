// Stands for xml2js: dbus-next makes a builder for every bus, and uses it only to introspect, which gatewatch never does.
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
