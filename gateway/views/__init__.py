"""The shapes of the API's answers: one Struct per thing, from which the OpenAPI description is made."""
