//! From what a provider says of a person to what the person is here.

use super::{OidcError, RelyingParty, plain};
use crate::claims::{Claims, Said};
use crate::discovery::Metadata;
use crate::person::Profile;
use std::sync::Arc;

impl RelyingParty {
    /// What the provider says of the person: in the token, else where it answers questions.
    pub(super) fn said(
        &self,
        metadata: &Metadata,
        claims: &Claims,
        access: Option<&str>,
    ) -> Result<Said, OidcError> {
        let mut said = Said {
            email: claims.email.clone(),
            email_verified: claims.email_verified,
            name: claims.name.clone(),
            groups: claims.groups.clone(),
        };
        let is_complete = said.email.is_some() && !said.groups.is_empty();
        if let (Some(url), Some(access), false) = (&metadata.userinfo, access, is_complete) {
            let more = self.userinfo(url, access, &claims.subject)?;
            // What is verified is the address that is said in the same place.
            if said.email == more.email {
                said.email_verified |= more.email_verified;
            } else if said.email.is_none() {
                said.email = more.email;
                said.email_verified = more.email_verified;
            }
            said.name = said.name.or(more.name);
            said.groups.extend(more.groups);
        }
        if said.groups.is_empty() && claims.groups_elsewhere {
            return Err(OidcError::GroupsElsewhere);
        }
        Ok(said)
    }

    pub(super) fn profile(&self, claims: &Claims, said: Said) -> Result<Profile, OidcError> {
        let email = said.email.ok_or(OidcError::Email("there is none"))?;
        if !said.email_verified && !self.provider.accept_unverified_email {
            return Err(OidcError::Email("it does not say that it was verified"));
        }
        let domains = &self.provider.domains;
        let is_ours = domains.iter().any(|domain| domain.eq_ignore_ascii_case(email.domain()));
        if !domains.is_empty() && !is_ours {
            return Err(OidcError::Email("it is of a domain that is not let in"));
        }
        let mut roles = self.provider.groups.of(&said.groups);
        roles.extend(self.provider.people.get(&email).into_iter().flatten());
        let name = said.name.map(|name| plain(&name)).filter(|name| !name.is_empty());
        let keeps = |group: &str| {
            let kept = &self.provider.keep_groups;
            kept.is_empty()
                || kept.iter().any(|pattern| match pattern.strip_suffix('*') {
                    Some(start) => group.starts_with(start),
                    None => group == pattern,
                })
        };
        Ok(Profile {
            id: format!("{}:{}", self.provider.name, claims.subject).into(),
            name: name.map_or_else(|| email.text(), Arc::from),
            email,
            groups: said.groups.into_iter().filter(|group| keeps(group)).collect(),
            roles,
        })
    }
}
