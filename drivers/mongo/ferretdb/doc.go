// Package ferretdb tests package mongo with a real server: a FerretDB in the
// process, or the server whose URI is in GOAIO_MONGODB_URL. It is a module by
// itself so that FerretDB is no requirement of programs that use package mongo.
package ferretdb
