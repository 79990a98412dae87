// What an application does with OpenAI's SDK for JavaScript. Writes one JSON object.

import fs from "node:fs";

import OpenAI from "openai";

const client = new OpenAI();
const [recording] = process.argv.slice(2);
const heard = (options) =>
  client.audio.transcriptions.create({ file: fs.createReadStream(recording), model: "whisper-1", ...options });

const verbose = await heard({ response_format: "verbose_json", timestamp_granularities: ["word"] });
const deltas = [];
let done;
for await (const event of await heard({ stream: true })) {
  if (event.type === "transcript.text.delta") deltas.push(event.delta);
  else done = event.text;
}
let refusal;
try {
  await heard({ model: "universal-2" });
} catch (error) {
  refusal = [error.constructor.name, error.status, error.code];
}
const models = await client.models.list();
process.stdout.write(
  JSON.stringify({
    json: (await heard({})).text,
    srt: await heard({ response_format: "srt" }),
    words: verbose.words,
    verbose: verbose.text,
    deltas,
    done,
    refusal,
    models: models.data.map((one) => one.id),
  }),
);
