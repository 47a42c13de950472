//! The cookies that people's browsers carry, and how they are fenced in.

use http::HeaderMap;
use http::header::COOKIE;
use std::time::Duration;

/// What a cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// The sign-in. It comes along when somebody follows a link from a mail.
    SignIn,
    /// The second half of a sign-in, without which nothing is changed: it comes along from our own
    /// pages alone.
    SameSite,
    /// An attempt to sign in at a provider, who sends the browser back with it.
    Attempt,
}

impl Cookie {
    const fn base(self) -> &'static str {
        match self {
            Self::SignIn => "countersign",
            Self::SameSite => "countersign-own",
            Self::Attempt => "countersign-attempt",
        }
    }

    const fn same_site(self) -> &'static str {
        match self {
            Self::SignIn | Self::Attempt => "Lax",
            Self::SameSite => "Strict",
        }
    }
}

/// Writes and finds cookies.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// For pages that people reach by `https`, or else, on a laptop, by plain `http`: then names
    /// have no `__Host-`, as browsers would refuse them.
    pub const fn new(secure: bool) -> Self {
        Self { secure }
    }

    fn name(self, cookie: Cookie) -> String {
        format!("{}{}", if self.secure { "__Host-" } else { "" }, cookie.base())
    }

    /// The value of `Set-Cookie`.
    pub fn set(self, cookie: Cookie, value: &str, lasts: Duration) -> String {
        format!(
            "{}={value}; Path=/; Max-Age={}; HttpOnly; SameSite={}{}",
            self.name(cookie),
            lasts.as_secs(),
            cookie.same_site(),
            if self.secure { "; Secure" } else { "" }
        )
    }

    /// The value of `Set-Cookie` that takes it away.
    pub fn clear(self, cookie: Cookie) -> String {
        self.set(cookie, "", Duration::ZERO)
    }

    /// The cookie's value, if it comes once: of two, one may be planted.
    pub fn find(self, headers: &HeaderMap, cookie: Cookie) -> Option<&str> {
        let name = self.name(cookie);
        let mut values = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_fenced_in() {
        let lasts = Duration::from_mins(1);
        assert_eq!(
            Cookies::new(true).set(Cookie::SameSite, "x", lasts),
            "__Host-countersign-own=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            Cookies::new(false).clear(Cookie::SignIn),
            "countersign=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn a_cookie_is_found_among_others_and_not_when_it_comes_twice() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=b; __Host-countersign=one; countersign=plain".parse().unwrap());
        let cookies = Cookies::new(true);
        assert_eq!(cookies.find(&headers, Cookie::SignIn), Some("one"));
        assert_eq!(cookies.find(&headers, Cookie::SameSite), None);
        headers.append(COOKIE, "__Host-countersign=two".parse().unwrap());
        assert_eq!(cookies.find(&headers, Cookie::SignIn), None);
    }
}
