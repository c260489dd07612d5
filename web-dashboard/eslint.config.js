import js from "@eslint/js";
import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import { readdirSync } from "node:fs";
import tseslint from "typescript-eslint";

const features = readdirSync("src/features");

export default tseslint.config(
  { ignores: ["node_modules", "eslint.config.js", "src/lib/api/schema.d.ts"] },
  js.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked,
  jsxA11y.flatConfigs.recommended,
  reactHooks.configs.flat["recommended-latest"],
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      "@typescript-eslint/only-throw-error": "off", // the router's redirects are thrown
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "no-restricted-imports": ["error", { patterns: [{ group: ["../../*"], message: "Name it from the top: @/…" }] }],
    },
  },
  // From the ground up: lib knows nobody, ui knows lib, a feature knows both but no other feature, app knows all.
  zone("src/lib/**", ["@/app/*", "@/features/*", "@/components/*"]),
  zone("src/components/**", ["@/app/*", "@/features/*"]),
  ...features.map((name) =>
    zone(`src/features/${name}/**`, ["@/app/*", ...features.filter((other) => other !== name).map((o) => `@/features/${o}/*`)]),
  ),
);

/** Files that may not import some others. */
function zone(files, forbidden) {
  return {
    files: [files],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: forbidden, message: "This layer doesn't know that one." }, { group: ["../../*"], message: "Name it from the top: @/…" }] },
      ],
    },
  };
}
