export const kernelText: string
export const kernelBytesFile: string
export function assembleKernel(text: string): Promise<string>
