// Rules for all pages: their scripts (ES modules that Python joins), style sheets and Jinja templates.

import css from "@eslint/css";
import js from "@eslint/js";
import html from "@html-eslint/eslint-plugin";
import globals from "globals";

const size = {
  "max-len": ["error", { code: 120 }],
  "max-lines": ["error", 400],
};

export default [
  {
    files: ["**/*.js"],
    ...js.configs.recommended,
    languageOptions: { sourceType: "module", globals: { ...globals.browser, Plotly: "readonly" } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...js.configs.recommended.rules,
      ...size,
      eqeqeq: "error",
      "no-shadow": "error",
      "no-use-before-define": ["error", { functions: false, variables: false }],
      "no-var": "error",
      "object-shorthand": ["error", "properties"],
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  {
    files: ["**/*.css"],
    plugins: { css },
    language: "css/css",
    rules: {
      ...css.configs.recommended.rules,
      // Variables are in theme.css, and a rule sees one file.
      "css/no-invalid-properties": ["error", { allowUnknownVariables: true }],
      "css/use-baseline": ["error", { available: "widely", allowProperties: ["user-select", "print-color-adjust"] }],
    },
  },
  {
    files: ["**/*.html.j2"],
    plugins: { html },
    language: "html/html",
    languageOptions: { templateEngineSyntax: { "{{": "}}", "{%": "%}", "{#": "#}" } },
    rules: {
      "html/no-duplicate-attrs": "error",
      "html/no-duplicate-id": "error",
      "html/no-obsolete-tags": "error",
      "html/no-positive-tabindex": "error",
      "html/no-script-style-type": "error",
      "html/no-target-blank": "error",
      "html/quotes": "error",
      "html/require-closing-tags": "error",
      "html/require-img-alt": "error",
      "html/require-li-container": "error",
    },
  },
];
