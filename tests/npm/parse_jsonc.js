// Each line on stdin is a JSON string: a document. Each line on stdout is what jsonc-parser makes of it, the way VS Code
// asks before it writes to a file: {"errors": [names], "value": …}, without a value where there is none.
// Writes nothing else. NODE_PATH must lead to jsonc-parser.
"use strict";

const { parse, printParseErrorCode } = require("jsonc-parser");
const lines = require("fs").readFileSync(0, "utf8").split("\n");

const answers = lines.filter(Boolean).map((line) => {
  // VS Code takes the byte order mark away before it parses.
  const text = JSON.parse(line).replace(/^\ufeff/, "");
  const errors = [];
  const value = parse(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  return JSON.stringify({ errors: errors.map(({ error }) => printParseErrorCode(error)), value });
});
process.stdout.write(answers.map((answer) => answer + "\n").join(""));
