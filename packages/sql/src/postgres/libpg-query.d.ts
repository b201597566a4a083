declare module 'libpg-query-*' {
  /** The part of an Emscripten module that parsing needs. Pointers are offsets into the instance's memory. */
  interface ParserModule {
    _malloc(bytes: number): number
    _free(pointer: number): void
    _wasm_parse_query_raw(text: number): number
    _wasm_free_parse_result(result: number): void
    /** Of 18 alone: the functions of a text as JSON, or an error message. */
    _wasm_parse_plpgsql(text: number): number
    _wasm_free_string(text: number): void
    getValue(pointer: number, type: 'i32'): number
    UTF8ToString(pointer: number): string
    stringToUTF8(text: string, pointer: number, bytesMax: number): void
    lengthBytesUTF8(text: string): number
  }
  const create: (options: { print: (line: string) => void; printErr: (line: string) => void }) => Promise<ParserModule>
  export = create
}
