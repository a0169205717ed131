package web

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/interlock-proxy/interlock/internal/web/ui"
)

const loginPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Log in - Interlock</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/style.css">
</head>
<body class="login">
<main>
<h1>Interlock</h1>
{{if .Needed}}<form method="post" action="/login">
{{with .Wrong}}<p class="error" role="alert">{{.}}</p>
{{end}}<input type="hidden" name="to" value="{{.To}}">
<p><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus></p>
<p><button type="submit">Log in</button></p>
<p>The token is in the file that <code>admin_token_file</code>, <code>--admin-token-file</code> or <code>INTERLOCK_ADMIN_TOKEN_FILE</code> names.</p>
</form>{{else}}<p>Nobody has to log in here. <a href="/">Go on</a></p>{{end}}
</main>
</body>
</html>
`

// loginView is the data of the login page.
type loginView struct {
	Needed bool
	Wrong  string
	To     string
}

// cookie is the name of the cookie. The prefix has browsers take it over TLS only, and from this
// host alone.
func (a *authenticator) cookie() string {
	if a.secure {
		return "__Host-interlock"
	}
	return "interlock"
}

func (a *authenticator) showLogin(w http.ResponseWriter, r *http.Request) {
	a.page(w, http.StatusOK, loginView{To: localPath(r.FormValue("to"))})
}

func (a *authenticator) page(w http.ResponseWriter, status int, v loginView) {
	v.Needed = a.token != ""
	var page bytes.Buffer
	if err := template.Must(template.New("login").Parse(loginPage)).Execute(&page, v); err != nil {
		refuse(w, http.StatusInternalServerError, "the page cannot be written")
		return
	}
	w.Header().Set("Content-Security-Policy", ui.Policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the reader may be gone
}

// login exchanges the token for a session cookie.
func (a *authenticator) login(w http.ResponseWriter, r *http.Request) {
	to := localPath(r.PostFormValue("to"))
	if !a.attempts.allow(r) {
		w.Header().Set("Retry-After", "10")
		a.page(w, http.StatusTooManyRequests, loginView{Wrong: "Too many attempts. Wait ten seconds.", To: to})
		return
	}
	if !a.is(strings.TrimSpace(r.PostFormValue("token"))) {
		a.page(w, http.StatusUnauthorized, loginView{Wrong: "That is not the token.", To: to})
		return
	}
	a.set(w, a.sessions.begin(), int(sessionLife.Seconds()))
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (a *authenticator) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(a.cookie()); err == nil {
		a.sessions.end(c.Value)
	}
	a.set(w, "", -1)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (a *authenticator) set(w http.ResponseWriter, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: a.cookie(), Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, Secure: a.secure, SameSite: http.SameSiteStrictMode,
	})
}

// localPath returns a path of this site to go to after the login, and / for anything else.
func localPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
}
