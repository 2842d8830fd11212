// Building elements, and telling screen readers what happens. Texts only ever become text nodes.

export const find = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function say(text) {
  find("status").textContent = text;
}

// A streamed answer is read out sentence by sentence: word by word nobody could follow it.
export function reader() {
  const place = find("spoken");
  let rest = "";
  place.replaceChildren();
  const speak = (text) => text.trim() && place.append(make("p", {}, text.trim()));
  return {
    piece(text) {
      rest += text;
      for (let end; (end = rest.search(/[.!?:]\s|\n/)) >= 0; rest = rest.slice(end + 1)) speak(rest.slice(0, end + 1));
    },
    end() {
      speak(rest);
      rest = "";
    },
  };
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
