// Replaces jsbi, a polyfill for Node before 10.8, with native BigInt.
module.exports = {
  BigInt: (value) => BigInt(value),
  greaterThan: (a, b) => a > b,
  lessThan: (a, b) => a < b,
}
