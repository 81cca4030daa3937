//! Gives no verdict, for each reason that there is.

const std = @import("std");
const gavel = @import("gavel");

const errors = std.StaticStringMap(gavel.Error).initComptime(.{
    .{ "invalid-task", error.InvalidTask },
    .{ "abstain", error.Abstain },
    .{ "internal-error", error.InternalError },
    .{ "invalid-options", error.InvalidOptions },
});

fn verify(submission: gavel.Submission, _: gavel.NoOptions) gavel.Error!gavel.Verdict {
    if (errors.get(submission.completion)) |why| {
        return gavel.fail(why, "told: {s}", .{submission.reference orelse "nothing"});
    }
    if (std.mem.eql(u8, submission.completion, "column")) {
        return .{ .reward = (try submission.columns(struct { level: f64 })).level };
    }
    return .{ .reward = 0.25 };
}

comptime {
    gavel.plugin(gavel.NoOptions, verify, .{
        .name = "errors",
        .version = "0.1.0",
        .summary = "Gives no verdict, for each reason that there is.",
    });
}
