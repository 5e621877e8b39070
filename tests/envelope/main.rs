//! The envelope against references made by other programs, against closed forms and against itself.

mod flight;
mod forecast;
mod heat;
mod link;
mod power;
mod reference;
mod scaling;
mod shadow;
