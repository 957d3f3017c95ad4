-- One row for each answer; docs/serving-record.md says what the columns mean.
CREATE TABLE serving_record (
  served_at timestamptz NOT NULL DEFAULT now(),
  release   text,
  bundle    text,
  arm       text CHECK (arm IN ('canary', 'stable')),
  unit      text,
  pins      jsonb,
  passed    boolean
);
CREATE INDEX serving_record_served_at ON serving_record (served_at);

-- The pins that belong together; the pins of the code (BUILD_ID, GIT_SHA) are not among them.
CREATE TABLE release_pins (
  release text NOT NULL,
  bundle  text NOT NULL,
  pins    jsonb NOT NULL,
  PRIMARY KEY (release, bundle)
);
