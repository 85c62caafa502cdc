// A login with koa-session, routes with @koa/router, forms with koa-bodyparser (`serve` starts this).

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

import Router from '@koa/router';
import Koa from 'koa';
import bodyParser from 'koa-bodyparser';
import session from 'koa-session';

const LOGIN_FORM = `<form method="post"><input name="username" autocomplete="username">
<input name="password" type="password" autocomplete="current-password"> <button>Log in</button></form>`;
const PASSWORD_FORM = `<form method="post"><input name="old_password" type="password" autocomplete="current-password">
<input name="new_password" type="password" autocomplete="new-password"> <button>Change</button></form>`;

const derived = promisify(scrypt);
const hashed = async (password, salt = randomBytes(16)) => ({ salt, hash: await derived(password, salt, 32) });
const matches = async (password, { salt, hash }) => timingSafeEqual((await hashed(password, salt)).hash, hash);

const NOBODY = await hashed(randomBytes(16)); // checked for names that do not exist: that takes the same time
const USERS = new Map();
for (const name of ['alice', 'bob']) {
  USERS.set(name, { name, nickname: '', ...(await hashed(process.env[`${name.toUpperCase()}_PASSWORD`])) });
}

const app = new Koa();
app.keys = [process.env.SHOP_SECRET_KEY];
// No setting of the cookie or of the session's life is here: the defaults are what is certified.
app.use(session(app));
app.use(bodyParser());

const router = new Router();

router.get('/login', (ctx) => page(ctx, LOGIN_FORM));

router.post('/login', async (ctx) => {
  const user = USERS.get(field(ctx, 'username'));
  const right = await matches(field(ctx, 'password'), user ?? NOBODY);
  if (!user || !right) return page(ctx, `<p>Wrong user name or password.</p>${LOGIN_FORM}`);
  ctx.session.user = user.name;
  ctx.redirect('/profile');
});

router.get('/profile', signedIn, (ctx) => page(ctx, profile(ctx.state.user)));

router.post('/profile', signedIn, (ctx) => {
  ctx.state.user.nickname = field(ctx, 'nickname');
  ctx.redirect('/profile');
});

router.get('/password', signedIn, (ctx) => page(ctx, PASSWORD_FORM));

router.post('/password', signedIn, async (ctx) => {
  const user = ctx.state.user;
  const chosen = field(ctx, 'new_password');
  if (!chosen || !(await matches(field(ctx, 'old_password'), user))) {
    return page(ctx, `<p>Not your password, or no new one.</p>${PASSWORD_FORM}`);
  }
  Object.assign(user, await hashed(chosen));
  ctx.redirect('/profile');
});

router.post('/logout', (ctx) => {
  ctx.session = null;
  ctx.redirect('/login');
});

async function signedIn(ctx, next) {
  ctx.state.user = USERS.get(ctx.session.user);
  return ctx.state.user ? next() : ctx.redirect('/login');
}

// A field of the form; one that is no text, as in name[]=x, counts as empty.
function field(ctx, name) {
  const value = ctx.request.body?.[name];
  return typeof value === 'string' ? value : '';
}

function profile({ name, nickname }) {
  return `<p>Signed in as <b id="user-name">${escaped(name)}</b>, called <b id="nickname">${escaped(nickname)}</b>.</p>
<form method="post"><input name="nickname"> <button>Save</button></form>
<p><a href="/password">Change the password</a></p>
<form method="post" action="/logout"><button>Log out</button></form>`;
}

function page(ctx, content) {
  ctx.body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title></head>
<body>${content}</body></html>
`;
}

function escaped(text) {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}

app.use(router.routes());
app.use(router.allowedMethods());
app.listen(Number(process.argv[2]), '127.0.0.1');
