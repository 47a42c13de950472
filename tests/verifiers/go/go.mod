module countersign.example/verifier

go 1.22

require golang.org/x/mod v0.0.0

// ../setup copies it from the Go distribution, which carries it for its own use.
replace golang.org/x/mod => ./x-mod
