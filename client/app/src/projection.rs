//! The updates of the client turned into objects and list models that widgets bind to.
//!
//! [`Session`] is the only place that receives updates; widgets read its models, listen to its topics and hand it
//! commands. Nothing here draws.

mod apply;
mod desk;
mod layout;
mod people;
mod row_object;
mod session;
mod timeline;

pub(crate) use desk::{ChatObject, OfferObject};
pub(crate) use layout::{Entry, Item};
pub(crate) use people::{PeopleItem, PeopleItemObject};
pub use session::{Clock, Session};
pub(crate) use session::{ConversationObject, RoomObject, State, Topic};
pub(crate) use timeline::{ItemObject, Timeline};
