// Calls a function of the program that stands above. Untrusted: whatever comes out of here is a claim, compared
// elsewhere. No expected value enters.
function __gavelExecute(nonce, find, calls) {
  "use strict"; // else a function that is called could read the arguments of this one
  const print = console.log.bind(console);
  console.log = () => {};
  const emit = (number, record) => print("\n" + nonce + " " + number + " " + JSON.stringify(record));
  const hex = (value) => (value < 0n ? "-0x" + (-value).toString(16) : "0x" + value.toString(16));
  const kindOf = (value) => String((value.constructor && value.constructor.name) || typeof value).slice(0, 50);
  const encode = (value) => {
    if (value === null || value === undefined) return null;
    if (typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "bigint") return { int: hex(value) };
    if (Number.isSafeInteger(value)) return value;
    if (typeof value === "number") return { float: String(value).replace("Infinity", "inf") };
    if (Array.isArray(value)) return Array.from(value, encode);
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value, encode);
    if (value instanceof Set) return { set: Array.from(value, encode) };
    // A promise, a date or an iterator is no plain data: without this, each would be an empty object.
    const kind = typeof value === "object" && Object.getPrototypeOf(value);
    if (!(value instanceof Map) && kind !== null && kind !== Object.prototype) return { object: [0, kindOf(value)] };
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    return { dict: entries.map(([key, item]) => [encode(key), encode(item)]) };
  };
  emit(0, { value: null });
  calls.forEach((args, index) => {
    let record;
    try {
      const [called, owner, method] = find();
      // Where neither is there, calling the function says so.
      record = { value: encode(owner ? owner[method](...args) : called(...args)) };
    } catch (error) {
      record = { raised: [["", String(error && error.name)]], text: String(error && error.message).slice(0, 200) };
    }
    emit(index + 1, record);
  });
}
