//! Reference client of the Odnix protocol: a thick client whose local database is a replica
//! of the user's mailbox on the server.

pub mod replica;
