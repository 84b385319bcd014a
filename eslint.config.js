import tseslint from "typescript-eslint";

export default tseslint.config(
  // The kernels are AssemblyScript, whose types are others.
  { ignores: ["dist/", "dist-site/", "dist-site-cache/", "coverage/", "node_modules/", "kernels/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers in messages are the point of a numerical tool.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
    },
  },
  {
    files: ["lib/**/*.ts", "solvers/**/*.ts", "traces/**/*.ts", "cli/**/*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          // A list of more than some 100,000 does not fit the arguments of a call: RangeError, on large inputs only.
          selector: ":matches(CallExpression, NewExpression) > SpreadElement.arguments",
          message: "Spread no list into a call: use a loop, or largest and smallest of lib/statistics.ts.",
        },
      ],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // chai's property assertions (`.to.be.true`) are expressions.
      "@typescript-eslint/no-unused-expressions": "off",
      // An array read in a test is checked by the assertion around it.
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
);
