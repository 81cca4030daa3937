;; A command that does what its submission says: `#u` is unreachable, `#o` a load out of bounds, `#d` a division by zero,
;; `#s` a stack that is too deep, `#l` an endless loop. Anything else is worth 0.5. `misbehaves.wasm` is made of this by
;; any assembler of the text format.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "{\"reward\": 0.5}")
  ;; Where the question lies, and how much room there is for it.
  (data (i32.const 0) "\00\10\00\00\00\e0\00\00")
  ;; Where the answer lies.
  (data (i32.const 8) "\40\00\00\00\0f\00\00\00")
  (func $deeper (param $level i64) (result i64)
    (i64.mul (local.get $level) (call $deeper (i64.add (local.get $level) (i64.const 1)))))
  (func $misbehave (param $how i32)
    (if (i32.eq (local.get $how) (i32.const 0x75)) (then unreachable))
    (if (i32.eq (local.get $how) (i32.const 0x6f)) (then (drop (i32.load (i32.const 0x70000000)))))
    (if (i32.eq (local.get $how) (i32.const 0x64))
      (then (drop (i32.div_u (i32.const 1) (i32.load (i32.const 0xff00))))))
    (if (i32.eq (local.get $how) (i32.const 0x73)) (then (drop (call $deeper (i64.const 1)))))
    (if (i32.eq (local.get $how) (i32.const 0x6c)) (then (loop $forever (br $forever)))))
  (func (export "_start") (local $at i32) (local $end i32)
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))
    (local.set $at (i32.const 0x1000))
    (local.set $end (i32.add (local.get $at) (i32.load (i32.const 32))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x23))
          (then (call $misbehave (i32.load8_u (i32.add (local.get $at) (i32.const 1))))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 32)))))
