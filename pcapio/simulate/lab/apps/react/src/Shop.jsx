import { useEffect } from "react";
import { useDispatch, useSelector } from "react-redux";
import { ask, greet, load } from "./store.js";

// A form whose fields go to send in the order of their names.
function Form({ names, button, send }) {
  const submit = (event) => {
    event.preventDefault();
    const fields = new FormData(event.target);
    send(...names.map((name) => fields.get(name)));
  };
  return (
    <form onSubmit={submit}>
      {names.map((name) => (
        <input key={name} name={name} type={name === "password" ? name : "text"} />
      ))}
      <button>{button}</button>
    </form>
  );
}

export default function Shop() {
  const dispatch = useDispatch();
  const items = useSelector((state) => state.items);
  const text = useSelector((state) => state.text);
  const greeting = useSelector((state) => state.greeting);
  useEffect(() => void dispatch(load()), [dispatch]);
  const link = (label, ...question) => (
    <a
      href="#"
      onClick={(event) => {
        event.preventDefault();
        dispatch(ask(question));
      }}
    >
      {label}
    </a>
  );
  return (
    <>
      <h1>Shop</h1>
      <ul>
        {items.map(({ number, name }) => (
          <li key={number}>{link(name, "item", number)}</li>
        ))}
      </ul>
      <p id="answer">{text}</p>
      <Form names={["q"]} button="Search" send={(words) => dispatch(ask(["search", words]))} />
      <Form names={["name"]} button="Greet" send={(name) => dispatch(greet(name))} />
      {/* The mistake on purpose: what the server says goes into the page as HTML. */}
      <div id="greeting" dangerouslySetInnerHTML={{ __html: greeting }} />
      {link("Terms", "terms")}
      <Form names={["user", "password"]} button="Log in" send={(user, password) => dispatch(ask(["login", user, password]))} />
      <Form names={["text"]} button="Comment" send={(words) => dispatch(ask(["comment", words]))} />
    </>
  );
}
