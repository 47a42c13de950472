// What the OpenID provider shows to people. Not a script: provider.mjs uses it.

/** Text that means itself in HTML. */
const text = value =>
    String(value).replace(/[&<>"']/g, sign => `&#${sign.codePointAt(0)};`);

const page = (title, body) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"></head>
<body><main><h1>${title}</h1>${body}</main></body></html>`;

/** The form where one signs in. */
export const form = wrong =>
    page(
        'Sign in to the provider',
        `${wrong ? '<p role="alert">Unknown, or a wrong password.</p>' : ''}
<form method="post"><p><label>Login <input name="login" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password"></label></p>
<p><button type="submit">Sign in</button></p></form>`,
    );

/** What was wrong with a request. */
export const error = problem =>
    page('Error of the provider', `<pre id="problem">${text(JSON.stringify(problem))}</pre>`);
