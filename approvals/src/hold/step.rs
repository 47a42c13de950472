//! What can happen to a hold, apart from all other events.

use events::{
    Event, EventId, HoldCommented, HoldEdited, HoldExpired, HoldGranted, HoldLeft, HoldRefused,
    HoldRejoined, HoldViewed, HoldVoted, HoldWithdrawn,
};

/// Something that happened to a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `hold.voted`.
    Voted(Box<HoldVoted>),
    /// `hold.edited`.
    Edited(HoldEdited),
    /// `hold.commented`.
    Commented(HoldCommented),
    /// `hold.viewed`.
    Viewed(HoldViewed),
    /// `hold.rejoined`.
    Rejoined(HoldRejoined),
    /// `hold.left`.
    Left(HoldLeft),
    /// `hold.granted`.
    Granted(HoldGranted),
    /// `hold.refused`.
    Refused(HoldRefused),
    /// `hold.expired`.
    Expired(HoldExpired),
    /// `hold.withdrawn`.
    Withdrawn(HoldWithdrawn),
    /// `call.dispatched` that names this grant. A desk never records it.
    Dispatched(EventId),
}

impl Step {
    /// Whether it is what a person said or saw, and changes nothing by itself.
    pub const fn is_said(&self) -> bool {
        matches!(self, Self::Voted(_) | Self::Commented(_) | Self::Viewed(_))
    }

    /// The step that an event is, if it is one.
    pub fn of(event: &Event) -> Option<Self> {
        if let Event::HoldVoted(fact) = event {
            Some(Self::Voted(Box::new(fact.clone())))
        } else if let Event::HoldEdited(fact) = event {
            Some(Self::Edited(fact.clone()))
        } else if let Event::HoldCommented(fact) = event {
            Some(Self::Commented(fact.clone()))
        } else if let Event::HoldViewed(fact) = event {
            Some(Self::Viewed(fact.clone()))
        } else if let Event::HoldRejoined(fact) = event {
            Some(Self::Rejoined(fact.clone()))
        } else if let Event::HoldLeft(fact) = event {
            Some(Self::Left(fact.clone()))
        } else if let Event::HoldGranted(fact) = event {
            Some(Self::Granted(fact.clone()))
        } else if let Event::HoldRefused(fact) = event {
            Some(Self::Refused(fact.clone()))
        } else if let Event::HoldExpired(fact) = event {
            Some(Self::Expired(fact.clone()))
        } else if let Event::HoldWithdrawn(fact) = event {
            Some(Self::Withdrawn(fact.clone()))
        } else if let Event::CallDispatched(fact) = event {
            fact.grant.map(Self::Dispatched)
        } else {
            None
        }
    }

    /// The event that says so; a dispatch is another's to record.
    pub fn into_event(self) -> Option<Event> {
        match self {
            Self::Voted(fact) => Some((*fact).into()),
            Self::Edited(fact) => Some(fact.into()),
            Self::Commented(fact) => Some(fact.into()),
            Self::Viewed(fact) => Some(fact.into()),
            Self::Rejoined(fact) => Some(fact.into()),
            Self::Left(fact) => Some(fact.into()),
            Self::Granted(fact) => Some(fact.into()),
            Self::Refused(fact) => Some(fact.into()),
            Self::Expired(fact) => Some(fact.into()),
            Self::Withdrawn(fact) => Some(fact.into()),
            Self::Dispatched(_) => None,
        }
    }
}
