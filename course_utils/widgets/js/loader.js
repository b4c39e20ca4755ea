// anywidget imports a widget's module from a blob, where a relative import leads nowhere. So the modules of a widget come
// as text, each after those it imports; here each gets an address, and its imports the addresses of those before it.

export async function load(sources) {
  const addresses = {};
  for (const [name, source] of sources) {
    const code = source.replace(/ from "\.\/(.+?)"/g, (_, imported) => ` from "${addresses[imported]}"`);
    addresses[name] = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  }
  const module = await import(Object.values(addresses).at(-1));
  Object.values(addresses).forEach(URL.revokeObjectURL);
  return module;
}

export default {
  async render(context) {
    const module = await load(context.model.get("modules"));
    return module.default.render(context);
  },
};
