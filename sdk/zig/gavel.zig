//! Write a gavel reward plugin in Zig: a struct of options, a function that judges, and `gavel.plugin`.
//!
//!     const gavel = @import("gavel");
//!
//!     comptime {
//!         gavel.plugin(gavel.NoOptions, verify, .{
//!             .name = "exact-match", .version = "0.1.0", .summary = "The completion is the reference.",
//!         });
//!     }
//!
//!     fn verify(submission: gavel.Submission, _: gavel.NoOptions) gavel.Error!gavel.Verdict { ... }
//!
//! A fresh instance of the plugin judges each submission, so nothing has to be freed, and nothing survives.

const std = @import("std");
const wire = @cImport(@cInclude("plugin.h"));

/// Memory for as long as the submission is judged.
pub const allocator = std.heap.c_allocator;

/// One completion of one task. The texts are UTF-8.
pub const Submission = struct {
    /// As the policy saw it, or the last user message of a chat.
    prompt: []const u8,
    /// What the policy wrote.
    completion: []const u8,
    /// The ground truth, when the task has one.
    reference: ?[]const u8,
    /// A JSON object: the task's other columns. It may gain keys.
    metadata: []const u8,

    /// The columns as a struct of the ones that you need; fields with a default may be missing. A column that is not of
    /// its type is an invalid task, whose message names it.
    pub fn columns(submission: Submission, comptime T: type) Error!T {
        const values = std.json.parseFromSliceLeaky(std.json.Value, allocator, submission.metadata, .{}) catch |err|
            return fail(error.InvalidTask, "the metadata is not JSON: {s}", .{@errorName(err)});
        if (values != .object) return fail(error.InvalidTask, "the metadata is not a JSON object", .{});
        var read_columns: T = undefined;
        inline for (@typeInfo(T).@"struct".fields) |field| {
            if (values.object.get(field.name)) |value| {
                const lenient: std.json.ParseOptions = .{ .ignore_unknown_fields = true };
                @field(read_columns, field.name) = std.json.parseFromValueLeaky(field.type, allocator, value, lenient) catch
                    return fail(error.InvalidTask, "metadata: `{s}` is {s}, which is no {s}", .{ field.name, shown(value), @typeName(field.type) });
            } else if (field.defaultValue()) |default| {
                @field(read_columns, field.name) = default;
            } else {
                return fail(error.InvalidTask, "metadata: `{s}` is missing", .{field.name});
            }
        }
        return read_columns;
    }
};

/// A named number.
pub const Metric = struct { name: []const u8, value: f64 };

/// What a submission is worth.
pub const Verdict = struct {
    /// Finite. By custom 0 is wrong and 1 is right.
    reward: f64,
    /// One line for a person: what was extracted and how it was compared. `gavel.print` makes one.
    reason: ?[]const u8 = null,
    /// All finite, each of the plugin's metrics once.
    metrics: []const Metric = &.{},
};

/// Why there is no verdict. A wrong answer is no error: it is a verdict with a low reward.
pub const Error = error{
    /// The options make no sense together. Check them before you look at the submission.
    InvalidOptions,
    /// The reference or the metadata is not what this verifier needs.
    InvalidTask,
    /// The verifier cannot judge this submission; leave it out.
    Abstain,
    /// The verifier failed.
    InternalError,
    OutOfMemory,
};

/// What the plugin says of itself.
pub const Description = struct {
    /// Kebab-case, as a reward file calls it.
    name: []const u8,
    /// Semantic version of the plugin.
    version: []const u8,
    /// One sentence.
    summary: []const u8,
    /// The names of the metrics that every verdict carries.
    metrics: []const []const u8 = &.{},
};

/// The options of a plugin that has none.
pub const NoOptions = struct {};

/// Returns `why`, with a message for a person.
pub fn fail(why: Error, comptime format: []const u8, arguments: anytype) Error {
    message = print(format, arguments);
    return why;
}

/// A text made of others, for reasons.
pub fn print(comptime format: []const u8, arguments: anytype) []const u8 {
    return std.fmt.allocPrint(allocator, format, arguments) catch @panic("out of memory");
}

/// 1 where `right`, else 0.
pub fn rightIf(right: bool) f64 {
    return if (right) 1 else 0;
}

/// A text as one line of at most 80 characters, nothing that a terminal would obey: for reasons.
pub fn excerpt(text: []const u8) []const u8 {
    var line: std.ArrayList(u8) = .empty;
    var characters = (std.unicode.Utf8View.init(text) catch return "(no UTF-8)").iterator();
    var count: usize = 0;
    while (count < 80) : (count += 1) {
        const character = characters.nextCodepointSlice() orelse break;
        const code = std.unicode.utf8Decode(character) catch unreachable;
        // ASCII's control characters, and those from U+0080 to U+009F, which some terminals obey too.
        const control = code < 0x20 or (code >= 0x7f and code < 0xa0);
        line.appendSlice(allocator, if (control) " " else character) catch @panic("out of memory");
    }
    return line.items;
}

/// Makes `verify` the plugin's verifier; call it in a `comptime` block.
///
/// `Options` is a struct of bools, integers, floats, strings, enums, or optionals of them. A field without default has
/// to be given; a name that is no field is refused. `pub const help = .{ .field = "one sentence" }` in the struct
/// describes the fields, `pub fn check(options: Options) gavel.Error!void` says what a type cannot.
pub fn plugin(
    comptime Options: type,
    comptime verify: fn (Submission, Options) Error!Verdict,
    comptime description: Description,
) void {
    const Exports = struct {
        fn describe(ret: *wire.gavel_verifier_types_description_t) callconv(.c) void {
            describeTo(ret, description, comptime schema(Options));
        }

        fn judge(
            given: *wire.exports_gavel_verifier_verifier_submission_t,
            with: *wire.plugin_string_t,
            said: *wire.exports_gavel_verifier_verifier_verdict_t,
            failed: *wire.exports_gavel_verifier_verifier_error_code_t,
        ) callconv(.c) bool {
            const submission = readSubmission(given.*);
            const json = if (with.len == 0) "{}" else read(with.*);
            const options = readOptions(Options, json) catch |err| return refuse(failed, err);
            const verdict = verify(submission, options) catch |err| return refuse(failed, err);
            hand(verdict, said);
            return true;
        }
    };
    @export(&Exports.describe, .{ .name = "exports_gavel_verifier_verifier_describe" });
    @export(&Exports.judge, .{ .name = "exports_gavel_verifier_verifier_verify" });
    @export(&Exports.describe, .{ .name = "exports_gavel_verifier_group_verifier_describe" });
    @export(&Other.verifyGroup, .{ .name = "exports_gavel_verifier_group_verifier_verify_group" });
    @export(&contractFollows, .{ .name = "__component_type_object_force_link_plugin" });
}

/// What one completion of a group is worth, or why it has no verdict: `.{ .verdict = … }`, or `gavel.unjudged(error.Abstain, …)`.
pub const Judged = union(enum) {
    verdict: Verdict,
    failure: struct { why: Error, message: []const u8 },
};

/// A completion of a group that has no verdict, with a message for a person.
pub fn unjudged(why: Error, comptime format: []const u8, arguments: anytype) Judged {
    return .{ .failure = .{ .why = why, .message = print(format, arguments) } };
}

/// As `plugin`, of a function that judges all completions of one prompt together: it is given at least one, and returns as many
/// in their order. An error that it returns is why none of them has a verdict.
pub fn groupPlugin(
    comptime Options: type,
    comptime verify: fn ([]const Submission, Options) Error![]const Judged,
    comptime description: Description,
) void {
    const Exports = struct {
        fn describe(ret: *wire.gavel_verifier_types_description_t) callconv(.c) void {
            describeTo(ret, description, comptime schema(Options));
        }

        fn judge(
            given: *wire.exports_gavel_verifier_group_verifier_list_submission_t,
            with: *wire.plugin_string_t,
            said: *wire.exports_gavel_verifier_group_verifier_list_result_verdict_error_code_t,
        ) callconv(.c) void {
            const Result = wire.exports_gavel_verifier_group_verifier_result_verdict_error_code_t;
            const submissions = allocator.alloc(Submission, given.len) catch @panic("out of memory");
            for (submissions, 0..) |*submission, index| submission.* = readSubmission(given.ptr[index]);
            const judged: Error![]const Judged = blk: {
                const options = readOptions(Options, if (with.len == 0) "{}" else read(with.*)) catch |err| break :blk err;
                break :blk verify(submissions, options);
            };
            const all: ?Judged = if (judged) |_| null else |why| .{ .failure = .{ .why = why, .message = message } };
            const count = if (judged) |each| each.len else |_| given.len;
            const results = allocator.alloc(Result, count) catch @panic("out of memory");
            for (results, 0..) |*result, index| {
                const one = all orelse (judged catch unreachable)[index];
                result.is_err = one == .failure;
                switch (one) {
                    .verdict => |verdict| hand(verdict, &result.val.ok),
                    .failure => |failure| {
                        message = failure.message;
                        _ = refuse(&result.val.err, failure.why);
                    },
                }
            }
            said.* = .{ .ptr = results.ptr, .len = results.len };
        }
    };
    @export(&Exports.describe, .{ .name = "exports_gavel_verifier_group_verifier_describe" });
    @export(&Exports.judge, .{ .name = "exports_gavel_verifier_group_verifier_verify_group" });
    @export(&Exports.describe, .{ .name = "exports_gavel_verifier_verifier_describe" });
    @export(&Other.verify, .{ .name = "exports_gavel_verifier_verifier_verify" });
    @export(&contractFollows, .{ .name = "gavel-judges-groups" });
    @export(&contractFollows, .{ .name = "__component_type_object_force_link_plugin" });
}

/// The bindings have the exports of both kinds of plugin; those of the other kind are in no component, and never called.
const Other = struct {
    fn verify(
        _: *wire.exports_gavel_verifier_verifier_submission_t,
        _: *wire.plugin_string_t,
        _: *wire.exports_gavel_verifier_verifier_verdict_t,
        _: *wire.exports_gavel_verifier_verifier_error_code_t,
    ) callconv(.c) bool {
        @trap();
    }

    fn verifyGroup(
        _: *wire.exports_gavel_verifier_group_verifier_list_submission_t,
        _: *wire.plugin_string_t,
        _: *wire.exports_gavel_verifier_group_verifier_list_result_verdict_error_code_t,
    ) callconv(.c) void {
        @trap();
    }
};

fn describeTo(ret: *wire.gavel_verifier_types_description_t, comptime description: Description, options: []const u8) void {
    ret.* = .{
        .name = handedOver(description.name),
        .version = handedOver(description.version),
        .summary = handedOver(description.summary),
        .options = handedOver(options),
        .metrics = .{ .ptr = null, .len = description.metrics.len },
    };
    const names = std.c.malloc(description.metrics.len * @sizeOf(wire.plugin_string_t));
    if (description.metrics.len == 0) return;
    ret.metrics.ptr = @ptrCast(@alignCast(names orelse @panic("out of memory")));
    for (description.metrics, 0..) |name, index| ret.metrics.ptr[index] = handedOver(name);
}

fn readSubmission(given: wire.gavel_verifier_types_submission_t) Submission {
    return .{
        .prompt = read(given.prompt),
        .completion = read(given.completion),
        .reference = if (given.reference.is_some) read(given.reference.val) else null,
        .metadata = if (given.metadata.len == 0) "{}" else read(given.metadata),
    };
}

/// The bindings refer to it, so that an object file with the contract is linked. gavel puts the contract in itself.
fn contractFollows() callconv(.c) void {}

/// What `fail` was told.
var message: []const u8 = "";

fn refuse(failed: *wire.exports_gavel_verifier_verifier_error_code_t, why: Error) bool {
    failed.tag = switch (why) {
        error.InvalidOptions => wire.GAVEL_VERIFIER_TYPES_ERROR_CODE_INVALID_OPTIONS,
        error.InvalidTask => wire.GAVEL_VERIFIER_TYPES_ERROR_CODE_INVALID_TASK,
        error.Abstain => wire.GAVEL_VERIFIER_TYPES_ERROR_CODE_ABSTAIN,
        error.InternalError, error.OutOfMemory => wire.GAVEL_VERIFIER_TYPES_ERROR_CODE_INTERNAL_ERROR,
    };
    // All payloads are one text.
    failed.val.internal_error = handedOver(if (message.len == 0) @errorName(why) else message);
    return false;
}

fn hand(verdict: Verdict, said: *wire.exports_gavel_verifier_verifier_verdict_t) void {
    said.reward = verdict.reward;
    said.reason.is_some = verdict.reason != null;
    if (verdict.reason) |reason| said.reason.val = handedOver(reason);
    said.metrics = .{ .ptr = null, .len = verdict.metrics.len };
    if (verdict.metrics.len == 0) return;
    const numbers = std.c.malloc(verdict.metrics.len * @sizeOf(wire.plugin_tuple2_string_f64_t));
    said.metrics.ptr = @ptrCast(@alignCast(numbers orelse @panic("out of memory")));
    for (verdict.metrics, 0..) |metric, index| {
        said.metrics.ptr[index] = .{ .f0 = handedOver(metric.name), .f1 = metric.value };
    }
}

fn read(string: wire.plugin_string_t) []const u8 {
    return if (string.len == 0) "" else string.ptr[0..string.len];
}

/// A copy that the bindings may free.
fn handedOver(text: []const u8) wire.plugin_string_t {
    var copy: wire.plugin_string_t = undefined;
    wire.plugin_string_dup_n(&copy, text.ptr, text.len);
    return copy;
}

fn readOptions(comptime Options: type, json: []const u8) Error!Options {
    const values = std.json.parseFromSliceLeaky(std.json.Value, allocator, json, .{}) catch |err|
        return fail(error.InvalidOptions, "the options are not JSON: {s}", .{@errorName(err)});
    if (values != .object) return fail(error.InvalidOptions, "the options are not a JSON object", .{});
    const fields = @typeInfo(Options).@"struct".fields;
    for (values.object.keys()) |name| {
        const known = inline for (fields) |field| {
            if (std.mem.eql(u8, field.name, name)) break true;
        } else false;
        if (!known) return fail(error.InvalidOptions, "`{s}` is not an option; {s}", .{ excerpt(name), comptime listed(Options) });
    }
    var options: Options = undefined;
    inline for (fields) |field| {
        if (values.object.get(field.name)) |value| {
            @field(options, field.name) = std.json.parseFromValueLeaky(field.type, allocator, value, .{}) catch
                return fail(error.InvalidOptions, "`{s}` is {s}; it must be {s}", .{
                    field.name,
                    shown(value),
                    comptime wanted(field.type),
                });
            if (!hasType(field.type, value)) {
                return fail(error.InvalidOptions, "`{s}` is {s}; it must be {s}", .{ field.name, shown(value), comptime wanted(field.type) });
            }
        } else if (field.defaultValue()) |default| {
            @field(options, field.name) = default;
        } else {
            return fail(error.InvalidOptions, "`{s}` is missing", .{field.name});
        }
    }
    if (@hasDecl(Options, "check")) try options.check();
    return options;
}

/// A value as JSON, cut short.
fn shown(value: std.json.Value) []const u8 {
    return excerpt(std.json.Stringify.valueAlloc(allocator, value, .{}) catch @panic("out of memory"));
}

/// `std.json` reads numbers from strings, and whole floats as integers; options are stricter.
fn hasType(comptime T: type, value: std.json.Value) bool {
    return switch (@typeInfo(T)) {
        .optional => |optional| value == .null or hasType(optional.child, value),
        .int => value == .integer,
        .float => value == .integer or value == .float,
        .@"enum", .pointer => value == .string,
        .bool => value == .bool,
        else => @compileError("an option cannot be of the type " ++ @typeName(T)),
    };
}

fn wanted(comptime T: type) []const u8 {
    return switch (@typeInfo(T)) {
        .optional => |optional| wanted(optional.child) ++ " or null",
        .int => std.fmt.comptimePrint("an integer from {d} to {d}", .{ std.math.minInt(T), std.math.maxInt(T) }),
        .float => "a number",
        .bool => "true or false",
        .@"enum" => |kind| comptime blk: {
            var text: []const u8 = "one of";
            for (kind.fields, 0..) |field, index| text = text ++ (if (index == 0) " `" else ", `") ++ field.name ++ "`";
            break :blk text;
        },
        else => "a string",
    };
}

fn listed(comptime Options: type) []const u8 {
    var text: []const u8 = "there are";
    const fields = @typeInfo(Options).@"struct".fields;
    if (fields.len == 0) return "this plugin has none";
    for (fields, 0..) |field, index| text = text ++ (if (index == 0) " `" else ", `") ++ field.name ++ "`";
    return text;
}

/// The JSON Schema of the options, made while compiling.
fn schema(comptime Options: type) []const u8 {
    if (@hasDecl(Options, "help")) {
        for (@typeInfo(@TypeOf(Options.help)).@"struct".fields) |said| {
            if (!@hasField(Options, said.name)) @compileError("`help` is of `" ++ said.name ++ "`, which is not an option; " ++ listed(Options));
        }
    }
    var properties: []const u8 = "";
    var required: []const u8 = "";
    for (@typeInfo(Options).@"struct".fields) |field| {
        if (properties.len > 0) properties = properties ++ ",";
        properties = properties ++ "\"" ++ field.name ++ "\":{" ++ typeSchema(field.type);
        if (@hasDecl(Options, "help") and @hasField(@TypeOf(Options.help), field.name)) {
            properties = properties ++ ",\"description\":" ++ quoted(@field(Options.help, field.name));
        }
        if (field.defaultValue()) |default| {
            properties = properties ++ ",\"default\":" ++ literal(field.type, default);
        } else {
            required = required ++ (if (required.len > 0) "," else "") ++ "\"" ++ field.name ++ "\"";
        }
        properties = properties ++ "}";
    }
    return "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"type\":\"object\"," ++
        "\"additionalProperties\":false,\"properties\":{" ++ properties ++ "},\"required\":[" ++ required ++ "]}";
}

fn typeSchema(comptime T: type) []const u8 {
    return switch (@typeInfo(T)) {
        .optional => |optional| "\"anyOf\":[{" ++ typeSchema(optional.child) ++ "},{\"type\":\"null\"}]",
        .int => |int| if (int.signedness == .unsigned) "\"type\":\"integer\",\"minimum\":0" else "\"type\":\"integer\"",
        .float => "\"type\":\"number\"",
        .bool => "\"type\":\"boolean\"",
        .@"enum" => |kind| blk: {
            var text: []const u8 = "\"enum\":[";
            for (kind.fields, 0..) |field, index| text = text ++ (if (index == 0) "" else ",") ++ quoted(field.name);
            break :blk text ++ "]";
        },
        else => "\"type\":\"string\"",
    };
}

fn literal(comptime T: type, comptime value: T) []const u8 {
    return switch (@typeInfo(T)) {
        .optional => |optional| if (value) |some| literal(optional.child, some) else "null",
        .@"enum" => quoted(@tagName(value)),
        .bool => if (value) "true" else "false",
        .int, .float => std.fmt.comptimePrint("{d}", .{value}),
        else => quoted(value),
    };
}

fn quoted(comptime text: []const u8) []const u8 {
    var out: []const u8 = "\"";
    for (text) |byte| out = out ++ switch (byte) {
        '"', '\\' => "\\" ++ [_]u8{byte},
        0...0x1f => std.fmt.comptimePrint("\\u{x:0>4}", .{byte}),
        else => &[_]u8{byte},
    };
    return out ++ "\"";
}
