;; What a pass over every byte of every field costs that only looks up classes: for each field of whole DataRow frames, which
;; classes its bytes have, and its most digits in a row but for separators. bench/masking.mjs sets the detectors' first pass
;; against it.
(module
  (memory (export "memory") 8)
  ;; The classes of the 256 bytes are at 0; `found` gets a word for each field.
  (func (export "run") (param $at i32) (param $end i32) (param $found i32)
    (local $columns i32) (local $stop i32) (local $seen i32) (local $class i32) (local $digits i32) (local $most i32)
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $columns (i32.load8_u offset=6 (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 7)))
        (loop $fields
          (if (local.get $columns)
            (then
              (local.set $columns (i32.sub (local.get $columns) (i32.const 1)))
              (local.set $stop
                (i32.or
                  (i32.shl (i32.load8_u offset=2 (local.get $at)) (i32.const 8))
                  (i32.load8_u offset=3 (local.get $at))))
              (local.set $at (i32.add (local.get $at) (i32.const 4)))
              (local.set $stop (i32.add (local.get $stop) (local.get $at)))
              (local.set $seen (i32.const 0))
              (local.set $digits (i32.const 0))
              (local.set $most (i32.const 0))
              (block $over
                (loop $bytes
                  (br_if $over (i32.ge_u (local.get $at) (local.get $stop)))
                  (local.set $class (i32.load8_u (i32.load8_u (local.get $at))))
                  (local.set $seen (i32.or (local.get $seen) (local.get $class)))
                  ;; Class 1 is that of digits, 2 that of separators.
                  (local.set $digits
                    (select
                      (i32.add (local.get $digits) (i32.and (local.get $class) (i32.const 1)))
                      (i32.const 0)
                      (i32.and (local.get $class) (i32.const 3))))
                  (local.set $most
                    (select
                      (local.get $digits)
                      (local.get $most)
                      (i32.gt_u (local.get $digits) (local.get $most))))
                  (local.set $at (i32.add (local.get $at) (i32.const 1)))
                  (br $bytes)))
              (i32.store (local.get $found)
                (i32.or (local.get $seen) (i32.shl (local.get $most) (i32.const 8))))
              (local.set $found (i32.add (local.get $found) (i32.const 4)))
              (br $fields))))
        (br $rows)))))
