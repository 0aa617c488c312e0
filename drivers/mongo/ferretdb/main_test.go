package ferretdb_test

import (
	"testing"

	"goaio.example/aio/aiotest"
)

func TestMain(m *testing.M) { aiotest.VerifyMain(m) }
