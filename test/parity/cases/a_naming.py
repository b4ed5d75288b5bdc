"""Section a: identifiers, paths, shortening."""
from build import case, run

KEYS = ["camelCase", "HTTPServerID", "userIDs", "IDs", "ABCDef", "A1B2", "iPhone15Pro", "1st", "a+b", "@id", "a|b",
        "Ünï", "a__", "end_", "end__", "__a", "_x", "x__y", "42", "100%", "a.b", "$ref", "getHTTP2Response", "ABC1def",
        "a٣b", "a*c", "x-y", " lead", "trail ", "tab\there", "new\nline", "a/b\\c", "UPPER", "Mixed_Case", "camelABC",
        "snake_case_", "a b  c", "é1", "_", "9", "v1.2.3", "a:b", "naïve", "ÄÖ", "x²", "Ⅷ", "ａ", "value", "select"]
case("a_keys", "many JSON keys at once, one column each", run([{"id": 1, **{k: i for i, k in enumerate(KEYS)}}]))
case("a_key_each_row", "keys that collide, each in a row of its own",
     run([{"日本": 1}, {"é": 2}, {"-": 3}, {"%": 4}, {"": 5}, {" ": 6}, {"___": 7}, {"a": 1, "A": 2}, {"a-b": 1, "a_b": 2}]))
case("a_triple", "three and more underscores in keys", run([{"a___b": 1, "a____b": 2, "a_____b": 3, "__": {"x": 1}, "b_": 1}]))
case("a_two_underscores", "a key of exactly two underscores fails", run([{"id": 1, "__": 2}]))
case("a_two_underscores_pending", "the failed package stays and fails again until it is dropped",
     run([{"id": 1, "__": 2}]), run([{"id": 2}]), run([{"id": 3}], drop_pending=True))
case("a_child_names", "names of child tables from odd keys",
     run([{"id": 1, "Line Items": [{"SKU#": 1, "Sub-Items": [1, 2]}], "o.x": {"In ner": {"A_": [{"z": 1}]}}, "l__m": [1], "end_": [1]}]))
case("a_resource_names", "resource names stay raw in state, tables are normalised",
     run(resources=[{"name": "My Items", "endpoint": {"path": "items", "incremental": {"cursor_path": "id"}}},
                    {"name": "other-Items", "endpoint": "items"}, {"name": "camelTable", "endpoint": "items"}], rows=[{"id": 1, "l": [1]}]))
case("a_table_name_hint", "table_name hint is normalised as a path",
     run([{"id": 1, "l": [1]}], hints={"table_name": "My Table__Sub Name_"}))
case("a_limits", "shortening by max_identifier_length",
     run([{"id": 1, "this_identifier_is_definitely_too_long": 1, "ThisIdentifierIsDefinitelyTooLong": 2,
           "nested_object_name": {"another_inner_name": {"x": 1, "list_of_things": [{"even_longer_inner_name": [1]}]}}}],
         destination_args={"max_identifier_length": 20, "max_column_identifier_length": 20}))
case("a_limit_column", "a shorter limit for columns than for tables",
     run([{"id": 1, "a_rather_long_column_name_here": "x", "list_with_long_name": [{"k": 1}]}], dataset_name="ds",
         destination_args={"max_identifier_length": 40, "max_column_identifier_length": 24}))
case("a_limit_variant", "a variant's name is shortened",
     run([{"amount_of_money": 1}, {"amount_of_money": "x"}], destination_args={"max_identifier_length": 20}))
case("a_limit_63", "postgres limits, grand-children built from the full names",
     run([{"id": 1, "a_very_long_nested_list_name_number_one": [{"another_very_long_list_name": [{"and_one_more_very_long_list_name": [1]}]}]}],
         hints={"name": "orders"}, destination_args={"max_identifier_length": 63}))
case("a_dataset_name", "dataset names are normalised", run([{"id": 1}], dataset_name="My-Data__set"))
case("a_schema_name", "a source name that is no identifier is refused", run([{"id": 1}], source_args={"name": "My-Api Source"}))
case("a_schema_name_case", "a source name in mixed case", run([{"id": 1, "u": 1}], source_args={"name": "MyApi"}, endpoint={"incremental": {"cursor_path": "u"}}), run([{"id": 2, "u": 2}], fresh_workdir=True))
case("a_flat_collision", "a flat key and a nested path give one column",
     run([{"a__b": "flat", "a": {"b": "nested"}}, {"a": {"b": "n2"}, "a__b": "f2"}, {"c": 1, "C": 2, "c_": 3}]))
case("a_key_hint_names", "names in hints are normalised like keys",
     run([{"User ID": 1, "Total Sum": 5, "nested": {"Deep Key": 1}}, {"User ID": 1, "Total Sum": 6, "nested": {"Deep Key": 1}}],
         hints={"primary_key": ["User ID", "nested__Deep Key"], "write_disposition": "merge", "columns": {"Total Sum": {"data_type": "text"}}}))
case("a_unicode_table", "resource names outside ASCII", run([{"id": 1}], hints={"name": "Gdańsk-日本"}))
case("a_default_source_name", "without a name the schema is rest_api", run([{"id": 1, "l": [1]}], source_args={"max_table_nesting": 1000}))
case("a_staging_layout", "staging_dataset_name_layout and a normalised dataset",
     run([{"id": 1}], hints={"primary_key": "id", "write_disposition": "merge"}, destination_args={"staging_dataset_name_layout": "stage_%s"}))
case("a_no_dataset_normalization", "enable_dataset_name_normalization off", run([{"id": 1}], dataset_name="Keep-Me", destination_args={"enable_dataset_name_normalization": False}))
