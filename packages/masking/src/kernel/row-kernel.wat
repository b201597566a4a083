;; Masks DataRow frames in its own memory. The readable form of what it does is data-row/data-row-masker.ts; both give the
;; same bytes for all input (row-kernel.prop.test.ts). `pnpm kernel` assembles it into row-kernel-bytes.ts.
;;
;; The host lays out the memory (kernel-memory.ts): this block of words at 0, the steps with what they point to, the rows,
;; room for what is shown. Behind each of them lie 32 bytes that may be read or written to no effect, so that copies need
;; no exact end.
;;
;;    0 at         the byte that is looked at             28 isAnyChanged
;;    4 rowEnd                                            32 inputEnd
;;    8 kept       from here on nothing is copied yet     36 outputEnd
;;   12 out        where the next byte shown goes         40 columns     of the result, as two bytes of a row
;;   16 header     where the row's header is shown        44 firstStep
;;   20 step       the next, or 0 between rows            48 cellStart   the cell that the host is asked about
;;   24 isChanged  whether anything of the row is         52 cellEnd
;;
;; What runs for every column is written out where it runs: engines don't inline these calls, and one costs as much as a
;; column. A step is 40 bytes: how many columns before it are kept, its kind, and eight words more, named below.
(module
  (memory (export "memory") 4)

  ;; Copies by 32 bytes: up to 31 more are read and written than asked for. From some size on an exact copy is faster.
  (func $copy (param $to i32) (param $from i32) (param $count i32)
    (local $end i32)
    (if (i32.gt_u (local.get $count) (i32.const 2048))
      (then
        (memory.copy (local.get $to) (local.get $from) (local.get $count))
        (return)))
    (local.set $end (i32.add (local.get $from) (local.get $count)))
    (block $done
      (loop $blocks
        (br_if $done (i32.ge_u (local.get $from) (local.get $end)))
        (v128.store align=1 (local.get $to) (v128.load align=1 (local.get $from)))
        (v128.store offset=16 align=1 (local.get $to) (v128.load offset=16 align=1 (local.get $from)))
        (local.set $from (i32.add (local.get $from) (i32.const 32)))
        (local.set $to (i32.add (local.get $to) (i32.const 32)))
        (br $blocks))))

  ;; Between the byte orders of the wire and of this memory.
  (func $swap (param $word i32) (result i32)
    (i32.or
      (i32.rotr (i32.and (local.get $word) (i32.const 0x00ff00ff)) (i32.const 8))
      (i32.rotl (i32.and (local.get $word) (i32.const 0xff00ff00)) (i32.const 8))))

  ;; Whether an automaton (automaton.ts) may see a find: for each byte a half word, its class, then for each state a row
  ;; of words, one a class, that say where the next row is; all counted in bytes, rows from the first one on. The last
  ;; state is never left. From a state to the next there is one addition and one load: that is what takes the time.
  (func $mayFind (param $classes i32) (param $state i32) (param $last i32) (param $at i32) (param $end i32) (result i32)
    (local $rows i32)
    (local.set $rows (i32.add (local.get $classes) (i32.const 512)))
    (block $done
      (loop $bytes
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $state
          (i32.load
            (i32.add
              (local.get $state)
              (i32.add
                (local.get $rows)
                (i32.load16_u
                  (i32.add (local.get $classes) (i32.shl (i32.load8_u (local.get $at)) (i32.const 1))))))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (i32.eq (local.get $state) (local.get $last)))

  ;; Goes on from what the block says. 0: all rows are done. 1: there is no room for what is shown. 2: the host must say
  ;; what is shown of a cell; all before it is written, and four bytes for its length. From 3 on, rows that are none:
  ;; MALFORMED in row-kernel.ts.
  (func (export "run") (result i32)
    (local $at i32) (local $rowEnd i32) (local $kept i32) (local $out i32) (local $header i32) (local $step i32)
    (local $isChanged i32) (local $isAnyChanged i32) (local $inputEnd i32) (local $outputEnd i32)
    (local $word i32) (local $length i32) (local $column i32) (local $skip i32) (local $kind i32) (local $count i32)
    (local $end i32) (local $to i32)
    (local.set $at (i32.load (i32.const 0)))
    (local.set $rowEnd (i32.load (i32.const 4)))
    (local.set $kept (i32.load (i32.const 8)))
    (local.set $out (i32.load (i32.const 12)))
    (local.set $header (i32.load (i32.const 16)))
    (local.set $step (i32.load (i32.const 20)))
    (local.set $isChanged (i32.load (i32.const 24)))
    (local.set $isAnyChanged (i32.load (i32.const 28)))
    (local.set $inputEnd (i32.load (i32.const 32)))
    (local.set $outputEnd (i32.load (i32.const 36)))

    (loop $rows
      (if (i32.eqz (local.get $step))
        (then
          (if (i32.ge_u (local.get $at) (local.get $inputEnd))
            (then
              (if (local.get $isAnyChanged)
                (then
                  (local.set $count (i32.sub (local.get $inputEnd) (local.get $kept)))
                  (if (i32.gt_u (i32.add (local.get $out) (local.get $count)) (local.get $outputEnd))
                    (then (return (i32.const 1))))
                  (call $copy (local.get $out) (local.get $kept) (local.get $count))
                  (i32.store (i32.const 12) (i32.add (local.get $out) (local.get $count)))))
              (i32.store (i32.const 28) (local.get $isAnyChanged))
              (return (i32.const 0))))
          ;; 'D', length of what follows, number of columns (manual, section 54.7).
          (if (i32.or
                (i32.lt_u (i32.sub (local.get $inputEnd) (local.get $at)) (i32.const 7))
                (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x44)))
            (then (return (i32.const 3))))
          (local.set $word (i32.load offset=1 align=1 (local.get $at)))
          (local.set $length
            (i32.or
              (i32.rotr (i32.and (local.get $word) (i32.const 0x00ff00ff)) (i32.const 8))
              (i32.rotl (i32.and (local.get $word) (i32.const 0xff00ff00)) (i32.const 8))))
          (if (i32.or
                (i32.lt_u (local.get $length) (i32.const 6))
                (i32.ge_u (local.get $length) (i32.sub (local.get $inputEnd) (local.get $at))))
            (then (return (i32.const 4))))
          (local.set $rowEnd (i32.add (i32.add (local.get $at) (i32.const 1)) (local.get $length)))
          (if (i32.ne (i32.load16_u offset=5 align=1 (local.get $at)) (i32.load (i32.const 40)))
            (then (return (i32.const 5))))
          (local.set $header (i32.add (local.get $out) (i32.sub (local.get $at) (local.get $kept))))
          (local.set $isChanged (i32.const 0))
          (local.set $at (i32.add (local.get $at) (i32.const 7)))
          (local.set $step (i32.load (i32.const 44)))))

      (loop $steps
        ;; Columns that are kept. Most lengths are below 256: only their last byte is waited for.
        (local.set $skip (i32.load (local.get $step)))
        (block $skipped
          (loop $columns
            (br_if $skipped (i32.eqz (local.get $skip)))
            (local.set $skip (i32.sub (local.get $skip) (i32.const 1)))
            (local.set $end (i32.add (i32.add (local.get $at) (i32.const 4)) (i32.load8_u offset=3 (local.get $at))))
            (if (i32.or
                  (i32.shl (i32.load align=1 (local.get $at)) (i32.const 8))
                  (i32.gt_u (local.get $end) (local.get $rowEnd)))
              (then
                (local.set $end (i32.add (local.get $at) (i32.const 4)))
                (if (i32.gt_u (local.get $end) (local.get $rowEnd)) (then (return (i32.const 6))))
                (local.set $length (call $swap (i32.load align=1 (local.get $at))))
                (if (i32.ne (local.get $length) (i32.const -1))
                  (then
                    (if (i32.gt_u (local.get $length) (i32.sub (local.get $rowEnd) (local.get $end)))
                      (then (return (i32.const 7))))
                    (local.set $end (i32.add (local.get $end) (local.get $length)))))))
            (local.set $at (local.get $end))
            (br $columns)))

        (local.set $kind (i32.load offset=4 (local.get $step)))
        (if (i32.eqz (local.get $kind))
          (then
            (if (i32.ne (local.get $at) (local.get $rowEnd)) (then (return (i32.const 8))))
            (if (local.get $isChanged)
              (then
                (local.set $word
                  (i32.sub
                    (i32.add (local.get $out) (i32.sub (local.get $rowEnd) (local.get $kept)))
                    (i32.add (local.get $header) (i32.const 1))))
                (i32.store offset=1 align=1 (local.get $header)
                  (i32.or
                    (i32.rotr (i32.and (local.get $word) (i32.const 0x00ff00ff)) (i32.const 8))
                    (i32.rotl (i32.and (local.get $word) (i32.const 0xff00ff00)) (i32.const 8))))
                (local.set $isAnyChanged (i32.const 1))))
            (local.set $step (i32.const 0))
            (br $rows)))

        ;; The column of the step, from where it starts to where its value ends.
        (local.set $column (local.get $at))
        (local.set $length (i32.load8_u offset=3 (local.get $at)))
        (local.set $end (i32.add (i32.add (local.get $at) (i32.const 4)) (local.get $length)))
        (if (i32.or
              (i32.shl (i32.load align=1 (local.get $at)) (i32.const 8))
              (i32.gt_u (local.get $end) (local.get $rowEnd)))
          (then
            (local.set $end (i32.add (local.get $at) (i32.const 4)))
            (if (i32.gt_u (local.get $end) (local.get $rowEnd)) (then (return (i32.const 6))))
            (local.set $length (call $swap (i32.load align=1 (local.get $at))))
            (if (i32.ne (local.get $length) (i32.const -1))
              (then
                (if (i32.gt_u (local.get $length) (i32.sub (local.get $rowEnd) (local.get $end)))
                  (then (return (i32.const 7))))
                (local.set $end (i32.add (local.get $end) (local.get $length)))))))
        (local.set $at (local.get $end))

        (block $next
          (if (i32.ne (local.get $kind) (i32.const 1))
            (then
              ;; NULL stays so.
              (br_if $next (i32.eq (local.get $length) (i32.const -1)))
              ;; 4, looked into: the automaton, its first state, its last.
              (if (i32.eq (local.get $kind) (i32.const 4))
                (then
                  (br_if $next
                    (i32.eqz
                      (call $mayFind
                        (i32.load offset=8 (local.get $step))
                        (i32.load offset=12 (local.get $step))
                        (i32.load offset=16 (local.get $step))
                        (i32.add (local.get $column) (i32.const 4))
                        (local.get $end))))))))

          ;; What is shown instead goes behind what is kept.
          (local.set $count (i32.sub (local.get $column) (local.get $kept)))
          (local.set $to (local.get $out))
          (local.set $out (i32.add (local.get $out) (local.get $count)))
          (if (i32.gt_u (local.get $out) (local.get $outputEnd)) (then (return (i32.const 1))))
          (if (i32.gt_u (local.get $count) (i32.const 1024))
            (then (memory.copy (local.get $to) (local.get $kept) (local.get $count)))
            (else
              (block $copied
                (loop $blocks
                  (br_if $copied (i32.ge_u (local.get $kept) (local.get $column)))
                  (v128.store align=1 (local.get $to) (v128.load align=1 (local.get $kept)))
                  (v128.store offset=16 align=1 (local.get $to) (v128.load offset=16 align=1 (local.get $kept)))
                  (local.set $kept (i32.add (local.get $kept) (i32.const 32)))
                  (local.set $to (i32.add (local.get $to) (i32.const 32)))
                  (br $blocks)))))
          (local.set $kept (local.get $column))

          ;; 1, the same for every value: bytes of a whole column, their count.
          (if (i32.eq (local.get $kind) (i32.const 1))
            (then
              (local.set $count (i32.load offset=12 (local.get $step)))
              (local.set $to (local.get $out))
              (local.set $out (i32.add (local.get $out) (local.get $count)))
              (if (i32.gt_u (local.get $out) (local.get $outputEnd)) (then (return (i32.const 1))))
              (if (i32.gt_u (local.get $count) (i32.const 16))
                (then (call $copy (local.get $to) (i32.load offset=8 (local.get $step)) (local.get $count)))
                (else
                  (v128.store align=1 (local.get $to) (v128.load align=1 (i32.load offset=8 (local.get $step))))))
              (local.set $kept (local.get $end))
              (local.set $isChanged (i32.const 1))
              (br $next)))

          ;; 3, the ends of ASCII: the fill and its count, what is shown of short values and its count, how many bytes
          ;; are shown at the start and at the end, the longest value and the shortest that the ends are shown of. No
          ;; count is above 32, but that of a fill, 16.
          (block $asked
            (br_if $asked (i32.ne (local.get $kind) (i32.const 3)))
            (br_if $asked (i32.gt_u (local.get $length) (i32.load offset=32 (local.get $step))))
            ;; Only bytes from 1 to 127: the others have their high bit set, here or when one is taken away.
            (local.set $column (i32.add (local.get $column) (i32.const 4)))
            (local.set $to (local.get $column))
            (block $isAscii
              (loop $blocks
                (br_if $isAscii (i32.ge_u (local.get $to) (local.get $end)))
                (local.set $word
                  (i8x16.bitmask
                    (v128.or
                      (v128.load align=1 (local.get $to))
                      (i8x16.sub
                        (v128.load align=1 (local.get $to))
                        (v128.const i8x16 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1)))))
                (local.set $count (i32.sub (local.get $end) (local.get $to)))
                (local.set $to (i32.add (local.get $to) (i32.const 16)))
                (br_if $blocks (i32.eqz (local.get $word)))
                ;; What lies behind the end doesn't count.
                (br_if $asked (i32.ge_u (local.get $count) (i32.const 16)))
                (br_if $asked
                  (i32.and
                    (local.get $word)
                    (i32.sub (i32.shl (i32.const 1) (local.get $count)) (i32.const 1))))))
            (local.set $to (i32.add (local.get $out) (i32.const 4)))
            (if (i32.gt_u (i32.add (local.get $to) (i32.const 80)) (local.get $outputEnd))
              (then (return (i32.const 1))))
            (if (i32.lt_u (local.get $length) (i32.load offset=36 (local.get $step)))
              (then
                (local.set $count (i32.load offset=20 (local.get $step)))
                (local.set $word (i32.load offset=16 (local.get $step)))
                (v128.store align=1 (local.get $to) (v128.load align=1 (local.get $word)))
                (v128.store offset=16 align=1 (local.get $to) (v128.load offset=16 align=1 (local.get $word))))
              (else
                (v128.store align=1 (local.get $to) (v128.load align=1 (local.get $column)))
                (v128.store offset=16 align=1 (local.get $to) (v128.load offset=16 align=1 (local.get $column)))
                (local.set $to (i32.add (local.get $to) (i32.load offset=24 (local.get $step))))
                (v128.store align=1 (local.get $to) (v128.load align=1 (i32.load offset=8 (local.get $step))))
                (local.set $to (i32.add (local.get $to) (i32.load offset=12 (local.get $step))))
                (local.set $count (i32.load offset=28 (local.get $step)))
                (local.set $word (i32.sub (local.get $end) (local.get $count)))
                (v128.store align=1 (local.get $to) (v128.load align=1 (local.get $word)))
                (v128.store offset=16 align=1 (local.get $to) (v128.load offset=16 align=1 (local.get $word)))))
            (local.set $to (i32.add (local.get $to) (local.get $count)))
            (local.set $count (i32.sub (local.get $to) (i32.add (local.get $out) (i32.const 4))))
            (i32.store align=1 (local.get $out)
              (i32.shl (local.get $count) (i32.const 24)))
            (local.set $out (local.get $to))
            (local.set $kept (local.get $end))
            (local.set $isChanged (i32.const 1))
            (br $next))

          ;; 2, and whatever the others can't do: the host is asked.
          (local.set $out (i32.add (local.get $out) (i32.const 4)))
          (if (i32.gt_u (local.get $out) (local.get $outputEnd)) (then (return (i32.const 1))))
          (i32.store (i32.const 0) (local.get $end))
          (i32.store (i32.const 4) (local.get $rowEnd))
          (i32.store (i32.const 8) (local.get $kept))
          (i32.store (i32.const 12) (local.get $out))
          (i32.store (i32.const 16) (local.get $header))
          (i32.store (i32.const 20) (i32.add (local.get $step) (i32.const 40)))
          (i32.store (i32.const 24) (local.get $isChanged))
          (i32.store (i32.const 28) (local.get $isAnyChanged))
          (i32.store (i32.const 48) (i32.sub (local.get $end) (local.get $length)))
          (i32.store (i32.const 52) (local.get $end))
          (return (i32.const 2)))

        (local.set $step (i32.add (local.get $step) (i32.const 40)))
        (br $steps)))
    (unreachable)))
