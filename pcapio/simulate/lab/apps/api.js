// What the shop's server is asked. Its errors are texts, as its answers are.
async function json(path, options) {
  const answer = await fetch(path, options);
  return answer.json();
}

const query = (path, name, value) => `${path}?${new URLSearchParams({ [name]: value })}`;
const post = (path, fields) => json(path, { method: "POST", body: new URLSearchParams(fields) });
const text = ({ text, error }) => text ?? error;

export const items = () => json("/items");
export const item = async (number) => text(await json(`/items/${number}`));
export const search = async (words) => text(await json(query("/search", "q", words)));
export const terms = async () => text(await json(query("/file", "name", "terms.txt")));
export const hello = async (name) => (await fetch(query("/hello", "name", name))).text();
export const comment = async (words) => (await post("/comments", { text: words }), "Thank you.");
export const login = async (user, password) => {
  const answer = await post("/login", { user, password });
  return answer.error ?? `Welcome, ${answer.user}.`;
};
