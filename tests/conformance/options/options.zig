//! Says the options that it was given.

const gavel = @import("gavel");

const Options = struct {
    limit: u32,
    mode: enum { soft, hard } = .soft,

    pub const help = .{ .limit = "What the reward will be." };

    pub fn check(options: Options) gavel.Error!void {
        if (options.limit == 0) return gavel.fail(error.InvalidOptions, "`limit` is 0; it must be at least 1", .{});
    }
};

fn verify(_: gavel.Submission, options: Options) gavel.Error!gavel.Verdict {
    return .{ .reward = @floatFromInt(options.limit), .reason = @tagName(options.mode) };
}

comptime {
    gavel.plugin(Options, verify, .{
        .name = "options",
        .version = "0.1.0",
        .summary = "Says the options that it was given.",
    });
}
