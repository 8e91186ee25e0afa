"""The service: the ledger over HTTP. It opens no instrument and runs no procedure; agents do."""
