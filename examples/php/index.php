<?php

// A login with PHP's own sessions, in the steps of the manual: session_start() on each request,
// session_regenerate_id() at login, session_destroy() at logout. No session setting is changed in code.

declare(strict_types=1);

const LOGIN_FORM = '<form method="post"><input name="user" autocomplete="username">'
    . ' <input name="password" type="password" autocomplete="current-password"> <button>Log in</button></form>';
const PASSWORD_FORM = '<form method="post"><input name="old_password" type="password">'
    . ' <input name="new_password" type="password"> <button>Change</button></form>';

session_start();

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$posted = $_SERVER['REQUEST_METHOD'] === 'POST';
$user = $_SESSION['user'] ?? null;

if ($path === '/login') {
    $posted ? log_in(field('user'), field('password')) : page(LOGIN_FORM);
} elseif (!in_array($path, ['/profile', '/password', '/logout'], true)) {
    http_response_code(404);
    page('<p>No such page.</p>');
} elseif ($user === null) {
    go('/login');
} elseif ($path === '/profile') {
    $posted ? save_nickname($user, field('nickname')) : page(profile($user));
} elseif ($path === '/password') {
    $posted ? change_password($user, field('old_password'), field('new_password')) : page(PASSWORD_FORM);
} elseif ($posted) {
    log_out();
} else {
    http_response_code(405);
    header('Allow: POST');
    page('<p>Logging out is a POST.</p>');
}

function log_in(string $user, string $password): void
{
    $hash = accounts()[$user]['hash'] ?? '';
    if (!password_verify($password, $hash)) {
        page('<p>Wrong user name or password.</p>' . LOGIN_FORM);
        return;
    }
    session_regenerate_id();
    $_SESSION['user'] = $user;
    go('/profile');
}

function log_out(): void
{
    $_SESSION = [];
    $set = session_get_cookie_params();
    setcookie(session_name(), '', [
        'expires' => time() - 42000, 'path' => $set['path'], 'domain' => $set['domain'],
        'secure' => $set['secure'], 'httponly' => $set['httponly'],
    ]);
    session_destroy();
    go('/login');
}

function save_nickname(string $user, string $nickname): void
{
    accounts(fn (array $all): array => array_replace_recursive($all, [$user => ['nickname' => $nickname]]));
    go('/profile');
}

function change_password(string $user, string $old, string $new): void
{
    if ($new === '' || !password_verify($old, accounts()[$user]['hash'])) {
        page('<p>Not your password, or no new one.</p>' . PASSWORD_FORM);
        return;
    }
    $hash = password_hash($new, PASSWORD_DEFAULT);
    accounts(fn (array $all): array => array_replace_recursive($all, [$user => ['hash' => $hash]]));
    session_regenerate_id();
    go('/profile');
}

/** All accounts; with $change, after it was applied to them. */
function accounts(?callable $change = null): array
{
    $file = fopen(getenv('SHOP_ACCOUNTS'), 'c+');
    flock($file, LOCK_EX);
    $all = json_decode(stream_get_contents($file) ?: 'null', true) ?? first_accounts();
    $all = $change ? $change($all) : $all;
    rewind($file);
    ftruncate($file, 0);
    fwrite($file, json_encode($all, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE));
    fclose($file);
    return $all;
}

function first_accounts(): array
{
    foreach (['alice', 'bob'] as $name) {
        $hash = password_hash(getenv(strtoupper($name) . '_PASSWORD'), PASSWORD_DEFAULT);
        $all[$name] = ['hash' => $hash, 'nickname' => ''];
    }
    return $all;
}

/** A field of the form; one that is an array, as in name[]=x, counts as empty. */
function field(string $name): string
{
    return is_string($_POST[$name] ?? null) ? $_POST[$name] : '';
}

function go(string $path): void
{
    header("Location: $path", true, 303);
}

function page(string $content): void
{
    echo "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Shop</title></head>\n";
    echo "<body>$content</body></html>\n";
}

function profile(string $user): string
{
    $name = htmlspecialchars($user);
    $nickname = htmlspecialchars(accounts()[$user]['nickname']);
    return "<p>Signed in as <b id=\"user-name\">$name</b>, called <b id=\"nickname\">$nickname</b>.</p>"
        . '<form method="post"><input name="nickname"> <button>Save</button></form>'
        . '<p><a href="/password">Change the password</a></p>'
        . '<form method="post" action="/logout"><button>Log out</button></form>';
}
