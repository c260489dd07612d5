/** What can be read, and what can be seen, on a colour written as #rrggbb. */

const BLACK = "#000000";
const WHITE = "#ffffff";

/** Relative luminance as WCAG has it: 0 is black, 1 white. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** For words: black or white, whichever reads better. */
export function ink(color: string): string {
  return luminance(color) > 0.179 ? BLACK : WHITE;
}

/** For drawings: white as long as its contrast is 3:1, which is enough for them. */
export function chalk(color: string): string {
  return luminance(color) > 0.3 ? BLACK : WHITE;
}
