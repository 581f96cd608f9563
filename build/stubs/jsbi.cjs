// Stands for jsbi, a polyfill for Node before 10.8: the same calls on real BigInts.
module.exports = {
  BigInt: (value) => BigInt(value),
  greaterThan: (a, b) => a > b,
  lessThan: (a, b) => a < b,
}
