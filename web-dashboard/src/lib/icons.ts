/** The drawings of categories, by the names that the API has for them: lines on a field of 16 by 16. */

const ICONS = {
  folder: "M2 4h4l1.5 2H14v7.5H2z",
  "file-text": "M3.5 2h6L12.5 5v9h-9zM6 7.5h4M6 10.5h4",
  image: "M2 3h12v10H2zM2 11.5l3.5-4 3 3 2-2 3.5 3.5M10.5 5.8h.01",
  film: "M2 3h12v10H2zM5 3v10M11 3v10M2 6.3h3M2 9.7h3M11 6.3h3M11 9.7h3",
  music: "M6 11.8V3.5L13 2v8.3M6 11.8a1.8 1.8 0 1 1-3.6 0 1.8 1.8 0 0 1 3.6 0zM13 10.3a1.8 1.8 0 1 1-3.6 0 1.8 1.8 0 0 1 3.6 0z",
  code: "M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5",
  archive: "M2 3h12v3H2zM3 6v7.5h10V6M6.5 9h3",
  table: "M2 3h12v10H2zM2 6.5h12M2 9.8h12M6.5 3v10",
  presentation: "M2 3h12M3 3v7h10V3M8 10v1.5M5.5 14L8 11.5l2.5 2.5",
  terminal: "M2 3h12v10H2zM4.5 6l2 2-2 2M8.5 10.5h3",
  type: "M3 4.5V3h10v1.5M8 3v10M6 13h4",
  "book-open": "M8 4.5C6.5 3.3 4.5 3 2 3v9c2.5 0 4.5.3 6 1.5 1.5-1.2 3.5-1.5 6-1.5V3c-2.5 0-4.5.3-6 1.5zM8 4.5v9",
  palette: "M8 2a6 6 0 1 0 0 12c1.2 0 1.5-.9 1-1.7-.6-1 .1-2.1 1.2-2.1H12a2 2 0 0 0 2-2C14 4.6 11.3 2 8 2zM5 8.5h.01M6 5.5h.01M9.5 5h.01",
  database: "M3 4c0-1.1 2.2-2 5-2s5 .9 5 2-2.2 2-5 2-5-.9-5-2zM3 4v8c0 1.1 2.2 2 5 2s5-.9 5-2V4M3 8c0 1.1 2.2 2 5 2s5-.9 5-2",
  "file-question": "M3.5 2h6L12.5 5v9h-9zM6.6 7.6a1.4 1.4 0 1 1 2.1 1.2c-.5.3-.7.5-.7 1M8 12h.01",
  receipt: "M3.5 2L5 3l1.5-1L8 3l1.5-1L11 3l1.5-1v12L11 13l-1.5 1L8 13l-1.5 1L5 13l-1.5 1zM6 6.5h4M6 9.5h4",
  "file-signature": "M12.5 8V5l-3-3h-6v12h9v-1.5M5.5 11c.8-2.2 1.5-2.2 1.7 0 1 .3 1.8-.4 2.3-1.5L14 5.5",
  "chart-line": "M2.5 2.5v11h11M4.5 10.5L7.5 7l2.5 2 3.5-4.5",
  landmark: "M2 6l6-3.5L14 6zM4 6.5V12M6.7 6.5V12M9.3 6.5V12M12 6.5V12M2.5 13.5h11",
  percent: "M12.5 3.5l-9 9M4.8 3.3a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zM11.2 9.7a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3z",
  handshake: "M1.5 5L5 4l3 1.5L11 4l3.5 1v5.5l-2 .5M1.5 5v5.5l2 .5 3.5 2.5c.7.4 1.3.4 2 0l3.5-2.5M8 5.5L6 8c.8.8 1.8.6 2.5 0l1-1 3 4",
  users: "M6 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM1.8 13.5c0-2.5 1.8-4 4.2-4s4.2 1.5 4.2 4M10.5 3.2a2.5 2.5 0 0 1 0 4.6M12 9.8c1.4.5 2.2 1.8 2.2 3.7",
  brain: "M8 3a2.2 2.2 0 0 0-4 1.2A2.3 2.3 0 0 0 2.8 8a2.3 2.3 0 0 0 1.7 4A2 2 0 0 0 8 12.5zM8 3a2.2 2.2 0 0 1 4 1.2A2.3 2.3 0 0 1 13.2 8a2.3 2.3 0 0 1-1.7 4A2 2 0 0 1 8 12.5z",
  library: "M3 2.5v11M6 2.5v11M9 4v9.5M11 3.5l2.5 9.7",
  notebook: "M4 2h9v12H4zM2.5 5h3M2.5 8h3M2.5 11h3M7.5 5.5h3.5",
  "scroll-text": "M4 2.5h8.5v9h-6v1a1.5 1.5 0 0 1-3 0v-9a1 1 0 0 0-2 0V5h2M12.5 11.5H14v1a1.5 1.5 0 0 1-1.5 1.5H5M6.5 5.5H10M6.5 8H10",
  settings: "M8 5.8a2.2 2.2 0 1 1 0 4.4 2.2 2.2 0 0 1 0-4.4zM8 2v2M8 12v2M2 8h2M12 8h2M3.8 3.8l1.4 1.4M10.8 10.8l1.4 1.4M12.2 3.8l-1.4 1.4M5.2 10.8l-1.4 1.4",
  "sliders-horizontal": "M2 4.5h6M11 4.5h3M2 8h2M7 8h7M2 11.5h7M12 11.5h2M9.5 3v3M5.5 6.5v3M10.5 10v3",
  star: "M8 2l1.8 3.8 4.2.5-3.1 2.9.8 4.1L8 11.3l-3.7 2 .8-4.1L2 6.3l4.2-.5z",
  heart: "M8 13.5S2 10 2 6a3 3 0 0 1 6-1 3 3 0 0 1 6 1c0 4-6 7.5-6 7.5z",
  house: "M2 8l6-5.5L14 8M3.5 7v6.5h9V7M6.5 13.5v-4h3v4",
  briefcase: "M2 5h12v8.5H2zM5.5 5V3h5v2M2 8.5h12",
  camera: "M2 4.5h3L6 3h4l1 1.5h3V13H2zM8 6.3a2.3 2.3 0 1 1 0 4.6 2.3 2.3 0 0 1 0-4.6z",
} as const;

export type Icon = keyof typeof ICONS;

/** All that can be chosen. */
export const ICON_NAMES = Object.keys(ICONS) as Icon[];

/** The lines of an icon; the API takes any name, and one that has no drawing is a folder. */
export function linesOf(icon: string): string {
  return icon in ICONS ? ICONS[icon as Icon] : ICONS.folder;
}
