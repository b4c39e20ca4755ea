// The pad in JupyterLab: the kernel reads, and keeps.

const bytes = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength);

function render({ model, el }) {
  const view = Math.random().toString(36); // the same pad may be shown twice
  const waiting = new Map();
  let number = 0;

  const ask = (question, pixels) =>
    new Promise((resolve, reject) => {
      number += 1;
      waiting.set(number, { resolve, reject });
      model.send({ ...question, view, number }, undefined, pixels ? [pixels.buffer] : []);
    });

  const onAnswer = (answer, buffers) => {
    if (answer.view !== view) return;
    const { resolve, reject } = waiting.get(answer.number);
    waiting.delete(answer.number);
    if (answer.error) reject(new Error(answer.error));
    else resolve({ ...answer, buffers });
  };
  model.on("msg:custom", onAnswer);

  const asKept = ({ comparison, latest, buffers }) => ({
    comparison,
    latest: latest.map((digit, index) => ({ ...digit, image: bytes(buffers[index]) })),
  });
  const end = createPad(el, {
    samples: model.get("samples"),
    read: async (image) => (await ask({ ask: "read" }, image)).probabilities,
    keeper: {
      load: async () => asKept(await ask({ ask: "load" })),
      keep: async (image, label) => asKept(await ask({ ask: "keep", label }, image)),
      takeBack: async () => asKept(await ask({ ask: "take back" })),
    },
  });
  return () => {
    model.off("msg:custom", onAnswer);
    end();
  };
}

export default { render };
