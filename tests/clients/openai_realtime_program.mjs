// What an application does with OpenAI's SDK for JavaScript, live. Writes one JSON object.

import fs from "node:fs";

import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const [recording] = process.argv.slice(2);
const TRANSCRIPTION = "conversation.item.input_audio_transcription";
const PIECE = 4800; // bytes: 100 ms at 24 kHz
const samples = fs.readFileSync(recording).subarray(44); // behind the header of a WAV file
const connection = new OpenAIRealtimeWS({ model: "gpt-4o-transcribe" }, new OpenAI());
const types = [];
const deltas = [];

connection.on("error", (error) => {
  throw error;
});
connection.on("event", (event) => types.push(event.type));
connection.on("session.created", () =>
  connection.send({
    type: "session.update",
    session: { type: "transcription", audio: { input: { turn_detection: null } } },
  }),
);
connection.on("session.updated", () => {
  for (let at = 0; at < samples.length; at += PIECE) {
    const audio = samples.subarray(at, at + PIECE).toString("base64");
    connection.send({ type: "input_audio_buffer.append", audio });
  }
  connection.send({ type: "input_audio_buffer.commit" });
});
connection.on(`${TRANSCRIPTION}.delta`, (event) => deltas.push(event.delta));
connection.on(`${TRANSCRIPTION}.completed`, (event) => {
  connection.close();
  process.stdout.write(JSON.stringify({ transcript: event.transcript, deltas, types }));
});
