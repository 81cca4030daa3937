//! The root of every plugin in Zig: takes the author's file in, and says how a plugin panics.

const std = @import("std");

/// Zig's own handler would read debug information from files that no plugin has, and bring half of WASI along. The
/// message goes to stderr, and the trap's backtrace says where.
pub const panic = std.debug.FullPanic(struct {
    fn stop(message: []const u8, _: ?usize) noreturn {
        _ = std.c.write(2, message.ptr, message.len);
        _ = std.c.write(2, "\n", 1);
        @trap();
    }
}.stop);

comptime {
    _ = @import("plugin");
}
