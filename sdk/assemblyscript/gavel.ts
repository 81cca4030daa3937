// Write a gavel reward plugin in AssemblyScript: describe it, and run a function that judges one submission.
//
//     import { Options, Plugin, Submission, Verdict, rightIf, run } from "./.gavel/sdk/assemblyscript/gavel";
//
//     function verify(submission: Submission, options: Options): Verdict {
//       const reference = submission.reference;
//       return reference === null ? invalidTask("no reference") : rightIf(submission.completion == reference);
//     }
//
//     run(new Plugin("exact-match", "0.1.0", "The completion is the reference."), verify);
//
// The plugin is a WASI command: it reads one JSON object on stdin and writes one on stdout, so a plugin must not print
// there. `console` and `process.stderr` write to stderr. AssemblyScript has no exceptions: what cannot be judged is returned.

// ---- What a verifier is given ----

/** One completion of one task. */
export class Submission {
  constructor(
    /** The prompt as the policy saw it, or the last user message of a chat. */
    public prompt: string,
    /** The text that the policy wrote. */
    public completion: string,
    /** The ground truth; null where the task has none. */
    public reference: string | null,
    /** A JSON object: the task's other columns. `member` and `text` read it. */
    public metadata: string,
  ) {}
}

/** The options of the reward file, checked against what the plugin declares. Asking for another name or type breaks. */
export class Options {
  constructor(private json: string, private declared: Option[]) {}

  /** The value of a string option. */
  string(name: string): string {
    const value = text(this.find(name, "string"));
    return value === null ? "" : value;
  }

  /** The value of a number or integer option. */
  number(name: string): f64 {
    return parseFloat(this.find(name, "number"));
  }

  /** The value of a boolean option. */
  boolean(name: string): bool {
    return this.find(name, "boolean") == "true";
  }

  private find(name: string, type: string): string {
    for (let index = 0; index < this.declared.length; index++) {
      const option = this.declared[index];
      if (option.name != name) continue;
      assert(option.kind() == type, "the option `" + name + "` is not of the type " + type);
      const given = member(this.json, name);
      if (given !== null) return given;
      const fallback = option.fallback;
      if (fallback !== null) return fallback;
    }
    assert(false, "the plugin declares no option `" + name + "`");
    return "";
  }
}

// ---- What it says ----

/** What a submission is worth, or why there is no verdict. A wrong answer is a verdict with a low reward. */
export class Verdict {
  reason: string | null = null;
  metrics: Metric[] = [];
  /** The contract's error code, such as `abstain`, where there is no verdict. */
  error: string | null = null;

  constructor(public reward: f64) {}

  /** Adds one line for a person: what was extracted and how it was compared. */
  because(reason: string): Verdict {
    this.reason = reason;
    return this;
  }

  /** Adds a named number, which must be finite; the name is one of the plugin's metrics. */
  metric(name: string, value: f64): Verdict {
    this.metrics.push(new Metric(name, value));
    return this;
  }
}

export class Metric {
  constructor(public name: string, public value: f64) {}
}

/** A reward of 1 where `right`, else of 0. */
export function rightIf(right: bool): Verdict {
  return new Verdict(right ? 1 : 0);
}

/** The options make no sense together. Return it before you look at the submission. */
export function invalidOptions(message: string): Verdict {
  return failure("invalid-options", message);
}

/** The reference or the metadata is not what this verifier needs. */
export function invalidTask(message: string): Verdict {
  return failure("invalid-task", message);
}

/** The verifier cannot judge this submission; leave it out. */
export function abstain(message: string): Verdict {
  return failure("abstain", message);
}

/** The verifier failed. */
export function internalError(message: string): Verdict {
  return failure("internal-error", message);
}

function failure(code: string, message: string): Verdict {
  const verdict = new Verdict(0).because(message);
  verdict.error = code;
  return verdict;
}

// ---- What the plugin is ----

/** An option. It has to be given where it has no default. */
export class Option {
  /** JSON text of the default. */
  fallback: string | null = null;
  help: string = "";
  minimum: f64 = -Infinity;
  maximum: f64 = Infinity;
  choices: string[] = [];

  constructor(public name: string, public type: string) {}

  /** How it is asked for: an integer is a number. */
  kind(): string {
    return this.type == "integer" ? "number" : this.type;
  }

  describe(help: string): Option {
    this.help = help;
    return this;
  }

  /** The least that a number may be. */
  atLeast(minimum: f64): Option {
    assert(this.kind() == "number", "`atLeast` limits numbers, and the option `" + this.name + "` is none");
    this.minimum = minimum;
    return this;
  }

  /** The most that a number may be. */
  atMost(maximum: f64): Option {
    assert(this.kind() == "number", "`atMost` limits numbers, and the option `" + this.name + "` is none");
    this.maximum = maximum;
    return this;
  }

  /** The strings that it may be. */
  oneOf(choices: string[]): Option {
    assert(this.type == "string", "`oneOf` limits strings, and the option `" + this.name + "` is none");
    this.choices = choices;
    return this;
  }

  /** JSON text of the default, such as `5` or `"soft"`. */
  defaultsTo(json: string): Option {
    this.fallback = json;
    return this;
  }
}

/** An option that is an integer. */
export function integerOption(name: string): Option {
  return new Option(name, "integer");
}

/** An option that is a number. */
export function numberOption(name: string): Option {
  return new Option(name, "number");
}

/** An option that is a boolean. */
export function booleanOption(name: string): Option {
  return new Option(name, "boolean");
}

/** An option that is a string. */
export function stringOption(name: string): Option {
  return new Option(name, "string");
}

/** What a plugin says of itself. */
export class Plugin {
  options: Option[] = [];
  metrics: string[] = [];

  constructor(
    /** Kebab-case, as a reward file calls it. */
    public name: string,
    /** Semantic version of the plugin. */
    public version: string,
    /** One sentence. */
    public summary: string,
  ) {}

  /** What a reward file may set. Other names are refused. */
  takes(options: Option[]): Plugin {
    for (let index = 0; index < options.length; index++) {
      const option = options[index];
      const fallback = option.fallback;
      if (fallback === null || fits(option, fallback)) continue;
      assert(false, "the default of the option `" + option.name + "` is " + fallback + "; it must be " + wanted(option));
    }
    this.options = options;
    return this;
  }

  /** The names of the metrics that every verdict carries. */
  says(metrics: string[]): Plugin {
    this.metrics = metrics;
    return this;
  }
}

/** Reads the question, has it answered, writes the answer. Call it once, at the end of the file. */
export function run(plugin: Plugin, verify: (submission: Submission, options: Options) => Verdict): void {
  const question = read();
  const options = optionsOf(plugin, question, false);
  if (options !== null) write(answer(verify(submissionOf(question), options)));
}

/**
 * As `run`, for a plugin that judges all completions of a prompt together: `verify` is given at least one, and returns as many
 * verdicts, in their order. Where one has none, `abstain(…)` or another error stands in its place.
 */
export function runGroup(plugin: Plugin, verify: (submissions: Submission[], options: Options) => Verdict[]): void {
  const question = read();
  const options = optionsOf(plugin, question, true);
  if (options === null) return;
  const given = member(question, "group");
  const members = items(given === null ? "[]" : given);
  const submissions: Submission[] = [];
  for (let index = 0; index < members.length; index++) submissions.push(submissionOf(members[index]));
  const verdicts = verify(submissions, options);
  const answers: string[] = [];
  for (let index = 0; index < verdicts.length; index++) answers.push(answer(verdicts[index]));
  write('{"verdicts":[' + answers.join(",") + "]}");
}

/** The options of a question; null where it is answered already: it asks what the plugin is, or they are wrong. */
function optionsOf(plugin: Plugin, question: string, judgesGroups: bool): Options | null {
  if (member(question, "describe") !== null) {
    write(description(plugin, judgesGroups));
    return null;
  }
  const given = member(question, "options");
  const options = given === null ? "{}" : given;
  const wrong = check(plugin.options, options);
  if (wrong === null) return new Options(options, plugin.options);
  write(answer(invalidOptions(wrong)));
  return null;
}

function submissionOf(json: string): Submission {
  const metadata = member(json, "metadata");
  return new Submission(
    asText(member(json, "prompt")),
    asText(member(json, "completion")),
    text(member(json, "reference")),
    metadata === null ? "{}" : metadata,
  );
}

/**
 * What `throw`, `assert` and the language's own checks come to: the compiler is told to call this. There is nothing that
 * could be caught, so the message and its place are the answer. In the standard library the place says nothing to an
 * author; there a trap does, by the functions that led to it.
 */
export function broke(message: string | null, file: string | null, line: u32, column: u32): void {
  const said = message === null || message == "" ? "it broke without a message" : message;
  const place = file === null ? "" : file + ":" + line.toString() + ":" + column.toString();
  process.stderr.write(String.UTF8.encode(said + " (" + place + ")\n"));
  if (place.startsWith("~lib/")) unreachable();
  write(answer(internalError(place == "" ? said : said + " (" + place + ")")));
  process.exit(0);
}

/** `console`, which the compiler is told to take from here: what people read goes to stderr, for stdout is the answer. */
export namespace people {
  export function log(message: string = ""): void {
    tell(message);
  }

  export function debug(message: string = ""): void {
    tell(message);
  }

  export function info(message: string = ""): void {
    tell(message);
  }

  export function warn(message: string = ""): void {
    tell(message);
  }

  export function error(message: string = ""): void {
    tell(message);
  }

  export function assert<T>(condition: T, message: string = ""): void {
    if (!condition) tell("Assertion failed: " + message);
  }
}

function tell(line: string): void {
  process.stderr.write(String.UTF8.encode(line + "\n"));
}

function asText(json: string | null): string {
  const decoded = text(json);
  return decoded === null ? "" : decoded;
}

function check(options: Option[], json: string): string | null {
  const names = keys(json);
  for (let index = 0; index < names.length; index++) {
    let known = false;
    for (let other = 0; other < options.length; other++) known = known || options[other].name == names[index];
    if (!known) return "`" + excerpt(names[index]) + "` is not an option";
  }
  for (let index = 0; index < options.length; index++) {
    const option = options[index];
    const value = member(json, option.name);
    if (value === null) {
      if (option.fallback === null) return "`" + option.name + "` is missing";
      continue;
    }
    if (!fits(option, value)) {
      return "`" + option.name + "` is " + excerpt(value) + "; it must be " + wanted(option);
    }
  }
  return null;
}

function fits(option: Option, json: string): bool {
  if (option.type == "boolean") return json == "true" || json == "false";
  if (option.type == "string") {
    const value = text(json);
    return value !== null && (option.choices.length == 0 || option.choices.includes(value));
  }
  if (!isNumber(json)) return false;
  const value = parseFloat(json);
  if (option.type == "integer" && value != Math.floor(value)) return false;
  return option.minimum <= value && value <= option.maximum;
}

function wanted(option: Option): string {
  if (option.choices.length > 0) return "one of `" + option.choices.join("`, `") + "`";
  let words = "of the type " + option.type;
  if (option.minimum != -Infinity) words += ", at least " + option.minimum.toString();
  if (option.maximum != Infinity) words += ", at most " + option.maximum.toString();
  return words;
}

function description(plugin: Plugin, judgesGroups: bool): string {
  const properties: string[] = [];
  const required: string[] = [];
  for (let index = 0; index < plugin.options.length; index++) {
    const option = plugin.options[index];
    let property = quote(option.name) + ':{"type":' + quote(option.type);
    if (option.help != "") property += ',"description":' + quote(option.help);
    if (option.minimum != -Infinity) property += ',"minimum":' + option.minimum.toString();
    if (option.maximum != Infinity) property += ',"maximum":' + option.maximum.toString();
    if (option.choices.length > 0) property += ',"enum":' + quoteAll(option.choices);
    const fallback = option.fallback;
    if (fallback !== null) property += ',"default":' + fallback;
    else required.push(option.name);
    properties.push(property + "}");
  }
  const schema =
    '{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","additionalProperties":false,' +
    '"properties":{' + properties.join(",") + '},"required":' + quoteAll(required) + "}";
  return (
    '{"description":{"name":' + quote(plugin.name) + ',"version":' + quote(plugin.version) +
    ',"summary":' + quote(plugin.summary) + ',"options":' + schema + ',"metrics":' + quoteAll(plugin.metrics) +
    (judgesGroups ? ',"judges":"groups"' : "") + "}}"
  );
}

function answer(verdict: Verdict): string {
  const reason = verdict.reason;
  const code = verdict.error;
  if (code !== null) return '{"error":{' + quote(code) + ":" + quote(reason === null ? "" : reason) + "}}";
  const metrics: string[] = [];
  for (let index = 0; index < verdict.metrics.length; index++) {
    const metric = verdict.metrics[index];
    if (!isFinite(metric.value)) return answer(internalError(metric.name + " is no finite number"));
    metrics.push(quote(metric.name) + ":" + written(metric.value));
  }
  if (!isFinite(verdict.reward)) return answer(internalError("the reward is no finite number"));
  let json = '{"reward":' + written(verdict.reward);
  if (reason !== null) json += ',"reason":' + quote(reason);
  return json + ',"metrics":{' + metrics.join(",") + "}}";
}

/** `toString` leaves the sign of zero out. */
function written(value: f64): string {
  return value == 0 && 1 / value < 0 ? "-0.0" : value.toString();
}

// ---- JSON, which is known to be valid ----

/** The JSON text of a member of an object; null where there is none. */
export function member(object: string, name: string): string | null {
  let found: string | null = null;
  let at = skipSpace(object, 0) + 1;
  while ((at = skipTo(object, at)) < object.length && object.charCodeAt(at) == 0x22) {
    const afterKey = skipValue(object, at);
    const key = asText(object.substring(at, afterKey));
    const start = skipSpace(object, skipSpace(object, afterKey) + 1);
    at = skipValue(object, start);
    // The last of several members with one name counts, as everywhere.
    if (key == name) found = object.substring(start, at);
  }
  return found;
}

/** The JSON texts of the items of a list. */
export function items(list: string): string[] {
  const found: string[] = [];
  let at = skipSpace(list, 0) + 1;
  while ((at = skipTo(list, at)) < list.length && list.charCodeAt(at) != 0x5d) {
    const end = skipValue(list, at);
    found.push(list.substring(at, end));
    at = end;
  }
  return found;
}

/** The names of an object's members. */
export function keys(object: string): string[] {
  const names: string[] = [];
  let at = skipSpace(object, 0) + 1;
  while ((at = skipTo(object, at)) < object.length && object.charCodeAt(at) == 0x22) {
    const afterKey = skipValue(object, at);
    names.push(asText(object.substring(at, afterKey)));
    at = skipValue(object, skipSpace(object, skipSpace(object, afterKey) + 1));
  }
  return names;
}

/** Decodes a JSON string; null where `json` is none. */
export function text(json: string | null): string | null {
  if (json === null || json.length < 2 || json.charCodeAt(0) != 0x22) return null;
  const end = json.length - 1;
  if (json.indexOf("\\") < 0) return json.substring(1, end);
  const parts: string[] = [];
  let from = 1;
  for (let at = 1; at < end; at++) {
    if (json.charCodeAt(at) != 0x5c) continue;
    parts.push(json.substring(from, at));
    const escape = json.charAt(at + 1);
    if (escape == "u") {
      // Surrogates come in pairs, and a pair is what a string holds.
      parts.push(String.fromCharCode(i32(parseInt(json.substring(at + 2, at + 6), 16))));
      at += 5;
    } else {
      const index = "bfnrt".indexOf(escape);
      parts.push(index < 0 ? escape : "\b\f\n\r\t".charAt(index));
      at += 1;
    }
    from = at + 1;
  }
  parts.push(json.substring(from, end));
  return parts.join("");
}

function isNumber(json: string): bool {
  const first = json.charCodeAt(0);
  return first == 0x2d || (0x30 <= first && first <= 0x39);
}

function skipSpace(json: string, at: i32): i32 {
  while (at < json.length && json.charCodeAt(at) <= 0x20) at++;
  return at;
}

/** Past white space and the comma between two members. */
function skipTo(json: string, at: i32): i32 {
  at = skipSpace(json, at);
  return at < json.length && json.charCodeAt(at) == 0x2c ? skipSpace(json, at + 1) : at;
}

/** Past one value. */
function skipValue(json: string, at: i32): i32 {
  let depth = 0;
  while (at < json.length) {
    const letter = json.charCodeAt(at);
    if (letter == 0x22) {
      for (at++; at < json.length && json.charCodeAt(at) != 0x22; at++) if (json.charCodeAt(at) == 0x5c) at++;
      if (depth == 0) return at + 1;
    } else if (letter == 0x7b || letter == 0x5b) {
      depth++;
    } else if (letter == 0x7d || letter == 0x5d) {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if (depth == 0 && (letter == 0x2c || letter <= 0x20)) {
      return at;
    }
    at++;
  }
  return at;
}

function quoteAll(texts: string[]): string {
  const quoted: string[] = [];
  for (let index = 0; index < texts.length; index++) quoted.push(quote(texts[index]));
  return "[" + quoted.join(",") + "]";
}

/** A text as a JSON string. */
export function quote(text: string): string {
  const parts: string[] = ['"'];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const letter = text.charCodeAt(at);
    if (letter >= 0x20 && letter != 0x22 && letter != 0x5c) continue;
    parts.push(text.substring(from, at));
    parts.push(letter >= 0x20 ? "\\" + text.charAt(at) : "\\u00" + (letter < 16 ? "0" : "") + letter.toString(16));
    from = at + 1;
  }
  parts.push(text.substring(from));
  parts.push('"');
  return parts.join("");
}

/** A text as one line of at most `length` characters that is safe to print: for reasons. */
export function excerpt(text: string, length: i32 = 80): string {
  let line = "";
  for (let at = 0; at < text.length && at < length; at++) {
    const letter = text.charCodeAt(at);
    line += letter < 0x20 || letter == 0x7f ? " " : text.charAt(at);
  }
  return line;
}

// ---- stdin and stdout ----

function read(): string {
  const buffer = new ArrayBuffer(1 << 16);
  let all = new Uint8Array(1 << 16);
  let size = 0;
  for (;;) {
    const count = process.stdin.read(buffer);
    if (count <= 0) break;
    if (size + count > all.length) {
      const larger = new Uint8Array((size + count) * 2);
      larger.set(all.subarray(0, size));
      all = larger;
    }
    memory.copy(all.dataStart + size, changetype<usize>(buffer), count);
    size += count;
  }
  return String.UTF8.decodeUnsafe(all.dataStart, size);
}

function write(json: string): void {
  process.stdout.write(String.UTF8.encode(json));
}
