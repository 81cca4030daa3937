## Write a gavel reward plugin in Nim: an object of options, a proc that judges, and `run`.
##
## .. code-block:: nim
##   import gavel
##
##   proc verify(submission: Submission, options: NoOptions): Verdict =
##     rightIf(submission.completion == submission.requireReference)
##
##   run(Plugin(name: "exact-match", version: "0.1.0", summary: "The completion is the reference."), verify)
##
## The plugin is a WASI command: it reads one JSON object on stdin and writes one on stdout, so a plugin must not print
## there; stderr is free. What cannot be judged is raised.

import std/[compilesettings, json, math, options, os, strutils]
export options

type
  Submission* = object
    ## One completion of one task. The texts are UTF-8.
    prompt*: string            ## as the policy saw it, or the last user message of a chat
    completion*: string        ## what the policy wrote
    reference*: Option[string] ## the ground truth, when the task has one
    metadata*: JsonNode        ## an object: the task's other columns; it may gain keys

  Verdict* = object
    ## What a submission is worth. A wrong answer is a verdict with a low reward.
    reward*: float                    ## finite; by custom 0 is wrong and 1 is right; 0 where none is given
    reason*: string                   ## one line for a person: what was extracted and how it was compared
    metrics*: seq[(string, float)]    ## all finite, each of the plugin's metrics once

  Plugin* = object
    ## What a plugin says of itself.
    name*: string         ## kebab-case, as a reward file calls it
    version*: string      ## semantic version of the plugin
    summary*: string      ## one sentence
    metrics*: seq[string] ## the names of the metrics that every verdict carries

  NoOptions* = object
    ## The options of a plugin that has none.

  PluginError* = object of CatchableError
    ## Why there is no verdict.
  InvalidOptions* = object of PluginError ## the options make no sense together; raise it before you look at the submission
  InvalidTask* = object of PluginError    ## the reference or the metadata is not what this verifier needs
  Abstain* = object of PluginError        ## the verifier cannot judge this submission; leave it out
  InternalError* = object of PluginError  ## the verifier failed; whatever else is raised becomes this

proc rightIf*(right: bool): Verdict =
  ## A reward of 1 where `right`, else of 0.
  Verdict(reward: if right: 1.0 else: 0.0)

proc because*(verdict: sink Verdict, reason: string): Verdict =
  ## The same verdict with a reason.
  result = verdict
  result.reason = reason

proc metric*(verdict: sink Verdict, name: string, value: float): Verdict =
  ## The same verdict with one metric more.
  result = verdict
  result.metrics.add (name, value)

proc requireReference*(submission: Submission): string =
  ## The ground truth; raises `InvalidTask` where the task has none.
  if submission.reference.isNone:
    raise newException(InvalidTask, "`reference` is missing: this verifier compares the completion with it")
  submission.reference.get

proc excerpt*(text: string, length = 80): string =
  ## A text as one line of at most `length` bytes, whole characters, that is safe to print: for reasons.
  var size = min(text.len, length)
  # Not in the middle of a character: its further bytes begin with the bits 10.
  while size > 0 and size < text.len and (ord(text[size]) and 0xc0) == 0x80: dec size
  for letter in text[0 ..< size]:
    result.add(if letter < ' ' or letter == '\x7f': ' ' else: letter)

# ---- Options and columns: values of JSON ----

proc wanted[T](kind: typedesc[T]): string =
  when T is Option: wanted(typeof(default(T).get)) & " or null"
  elif T is bool: "true or false"
  elif T is enum:
    var names: seq[string]
    for value in T: names.add "`" & $value & "`"
    "one of " & names.join(", ")
  elif T is SomeInteger: "an integer from " & $low(T) & " to " & $high(T)
  elif T is SomeFloat: "a number"
  elif T is string: "a string"
  else: {.error: "an option cannot be of this type: use bool, integers, float, string, enum, or an Option of them".}

proc read[T](field: var T, json: JsonNode): bool =
  ## Whether `json` is a value of the field's type.
  when T is Option:
    if json.kind == JNull: return true
    var value: typeof(field.get)
    if not read(value, json): return false
    field = some(value)
    true
  elif T is bool:
    if json.kind == JBool: field = json.getBool
    json.kind == JBool
  elif T is enum:
    for value in T:
      if json.kind == JString and $value == json.getStr:
        field = value
        return true
    false
  elif T is SomeInteger:
    if json.kind != JInt or json.getBiggestInt < BiggestInt(low(T)) or json.getBiggestInt > BiggestInt(high(T)):
      return false
    field = T(json.getBiggestInt)
    true
  elif T is SomeFloat:
    if json.kind in {JInt, JFloat}: field = T(json.getFloat)
    json.kind in {JInt, JFloat}
  else:
    if json.kind == JString: field = json.getStr
    json.kind == JString

# ---- Columns of the task ----

proc require*(submission: Submission, column: string): JsonNode =
  ## One column of the task; raises `InvalidTask` where it is missing.
  if not submission.metadata.hasKey(column):
    raise newException(InvalidTask, "the column `" & column & "` is missing")
  submission.metadata[column]

proc require*[T](submission: Submission, column: string, kind: typedesc[T]): T =
  ## One column of the task as a value of the types that options have; raises `InvalidTask` where it is missing or another.
  let json = submission.require(column)
  if not read(result, json):
    raise newException(InvalidTask, "the column `" & column & "` is " & excerpt($json) & "; it must be " & wanted(T))

# ---- Options: the whole object ----

proc readOptions[T](json: JsonNode): T =
  var known: seq[string]
  for name, field in fieldPairs(result):
    known.add "`" & name & "`"
    if json.hasKey(name):
      if not read(field, json[name]):
        raise newException(InvalidOptions,
          "`" & name & "` is " & excerpt($json[name]) & "; it must be " & wanted(typeof(field)))
    elif field isnot Option:
      raise newException(InvalidOptions, "`" & name & "` is missing")
  for name in json.keys:
    if "`" & name & "`" notin known:
      let there = if known.len == 0: "this plugin has none" else: "there are " & known.join(", ")
      raise newException(InvalidOptions, "`" & excerpt(name) & "` is not an option; " & there)

proc schemaOf[T](kind: typedesc[T]): JsonNode =
  when T is Option: %*{"anyOf": [schemaOf(typeof(default(T).get)), {"type": "null"}]}
  elif T is bool: %*{"type": "boolean"}
  elif T is enum:
    var names: seq[string]
    for value in T: names.add $value
    %*{"enum": names}
  elif T is SomeInteger:
    if BiggestInt(low(T)) > low(int32): %*{"type": "integer", "minimum": BiggestInt(low(T))} else: %*{"type": "integer"}
  elif T is SomeFloat: %*{"type": "number"}
  else: %*{"type": "string"}

proc schema[T](kind: typedesc[T]): JsonNode =
  ## The JSON Schema of the options.
  var properties = newJObject()
  var required: seq[string]
  # Only the types are looked at, and a Positive has no default.
  let options = cast[ptr T](alloc0(max(1, sizeof(T))))
  for name, field in fieldPairs(options[]):
    properties[name] = schemaOf(typeof(field))
    if field isnot Option: required.add name
  %*{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": false,
    "properties": properties,
    "required": required,
  }

# ---- The command ----

proc describe(plugin: Plugin, options: JsonNode, judges: string): JsonNode =
  %*{"description": {
    "name": plugin.name, "version": plugin.version, "summary": plugin.summary,
    "options": options, "metrics": plugin.metrics, "judges": judges,
  }}

proc finite(name: string, value: float): float =
  if value.classify in {fcNan, fcInf, fcNegInf}:
    raise newException(InternalError, name & " is " & $value & ", which is no finite number")
  value

proc say(verdict: Verdict): JsonNode =
  result = %*{"reward": finite("the reward", verdict.reward), "metrics": {:}}
  if verdict.reason.len > 0: result["reason"] = %verdict.reason
  for (name, value) in verdict.metrics: result["metrics"][name] = %finite(name, value)

const authorsFiles = block:
  ## The names of the plugin's own modules, as stack traces have them: those in its folder, and not the SDK or what else
  ## lies in a folder with a dot.
  var names: seq[string]
  let folder = querySetting(projectPath)
  for path in walkDirRec(folder):
    let parts = path.substr(folder.len).split({'/', '\\'})
    var hidden = false
    for part in parts: hidden = hidden or part.startsWith(".")
    if not hidden and path.endsWith(".nim"): names.add parts[^1]
  names

const longestTrace = 20
  ## So many frames of an exception are written, the innermost: a recursion has thousands.

proc broke(error: ref Exception): string =
  ## What is said of an exception that nobody expected: its name, message, and the author's line that it came from. stderr has
  ## the functions that led to it, for `gavel plugin test`.
  result = $error.name & ": " & error.msg
  var lines = @[result]
  var place = ""
  let trace = error.getStackTraceEntries
  for index in countdown(trace.high, 0):
    let entry = trace[index]
    # What is no frame, such as the mark of an exception raised again, has no file.
    if entry.filename.isNil or entry.procname.isNil: continue
    let frame = $entry.filename & ":" & $entry.line & " in " & $entry.procname
    if place.len == 0 and $entry.filename in authorsFiles: place = frame
    if lines.len <= longestTrace: lines.add "  at " & frame
  stderr.writeLine lines.join("\n")
  if place.len > 0: result.add " (" & place & ")"

proc submissionOf(json: JsonNode): Submission =
  let reference = json{"reference"}
  Submission(
    prompt: json{"prompt"}.getStr,
    completion: json{"completion"}.getStr,
    reference: if reference == nil or reference.kind == JNull: none(string) else: some(reference.getStr),
    metadata: if json.hasKey("metadata"): json["metadata"] else: newJObject(),
  )

proc optionsOf[T](question: JsonNode): T =
  readOptions[T](if question.hasKey("options"): question["options"] else: newJObject())

proc orError(answer: proc (): JsonNode): JsonNode =
  ## What `answer` comes to, or the error that it raises.
  proc failed(code, message: string): JsonNode = %*{"error": {code: message}}
  try:
    answer()
  except InvalidOptions as error: failed("invalid-options", error.msg)
  except InvalidTask as error: failed("invalid-task", error.msg)
  except Abstain as error: failed("abstain", error.msg)
  except InternalError as error: failed("internal-error", error.msg)
  except Exception as error: failed("internal-error", broke(error))

proc run*[T](plugin: Plugin, verify: proc (submission: Submission, options: T): Verdict) =
  ## Reads the question, has it answered, writes the answer. Call it once, at the end of the file.
  ##
  ## The fields of `T` are the options: bool, integers (a range such as `Positive` is checked), float, string, enum, or an
  ## `Option` of them, which may be left out. A name that is no field is refused.
  let question = parseJson(stdin.readAll)
  stdout.write $(
    if question.hasKey("describe"): describe(plugin, schema(T), "submissions")
    else: orError(proc (): JsonNode =
      # The options are read first, so that what is wrong with them is found when the plugin is loaded.
      let options = optionsOf[T](question)
      say(verify(submissionOf(question), options)))
  )

type Judged* = object
  ## What one completion of a group is worth, or why there is no verdict: `judged(verdict)`, `unjudged(newException(…))`.
  verdict: Verdict
  error: ref PluginError

proc judged*(verdict: sink Verdict): Judged =
  ## A completion that has a verdict.
  Judged(verdict: verdict)

proc unjudged*(error: ref PluginError): Judged =
  ## A completion that has none, for this reason.
  Judged(error: error)

proc say(one: Judged): JsonNode =
  orError(proc (): JsonNode =
    if one.error != nil: raise one.error
    say(one.verdict))

proc submissionsOf(question: JsonNode): seq[Submission] =
  for one in question["group"]: result.add submissionOf(one)

proc sayAll(judged: seq[Judged]): JsonNode =
  var verdicts = newJArray()
  for one in judged: verdicts.add say(one)
  %*{"verdicts": verdicts}

proc runGroup*[T](plugin: Plugin, verify: proc (submissions: seq[Submission], options: T): seq[Judged]) =
  ## As `run`, for a plugin that judges all completions of a prompt together: `verify` is given at least one, and returns as
  ## many, in their order. What it raises is why none of them has a verdict.
  let question = parseJson(stdin.readAll)
  stdout.write $(
    if question.hasKey("describe"): describe(plugin, schema(T), "groups")
    else: orError(proc (): JsonNode =
      let options = optionsOf[T](question)
      sayAll(verify(submissionsOf(question), options)))
  )

{.compile: "memory.c".}

# Nim's own `main` has a third argument, which WASI's libc does not know.
{.emit: "void NimMain(void); int main(void) { NimMain(); return 0; }".}
