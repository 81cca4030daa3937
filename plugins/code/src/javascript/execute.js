// Calls a function of the program that stands above. Untrusted: whatever comes out of here is a claim, compared
// elsewhere. No expected value enters.
function __gavelExecute(nonce, find, calls) {
  "use strict"; // else a function that is called could read the arguments of this one
  const print = console.log.bind(console);
  console.log = () => {};
  const emit = (number, record) => print("\n" + nonce + " " + number + " " + JSON.stringify(record));
  const hex = (value) => (value < 0n ? "-0x" + (-value).toString(16) : "0x" + value.toString(16));
  const encode = (value) => {
    if (value === null || value === undefined) return null;
    if (typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "bigint") return { int: hex(value) };
    if (Number.isSafeInteger(value)) return value;
    if (typeof value === "number") return { float: String(value).replace("Infinity", "inf") };
    if (Array.isArray(value)) return value.map(encode);
    if (value instanceof Set) return { set: [...value].map(encode) };
    if (typeof value !== "object") return { object: [0, typeof value] };
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    return { dict: entries.map(([key, item]) => [encode(key), encode(item)]) };
  };
  emit(0, { value: null });
  calls.forEach((args, index) => {
    let record;
    try {
      record = { value: encode(find()(...args)) };
    } catch (error) {
      record = { raised: [String(error && error.name)], text: String(error && error.message).slice(0, 200) };
    }
    emit(index + 1, record);
  });
}
