// The comparison of README.md. Included by study.c.

static void print_codec(codec_t *c) {
  printf("%-44s %7.4f", c->name, c->bits);
  for (int i = 0; i < source_count; i++) printf(" %8.2f", decibels(c, &sources[i]));
  printf("\n");
  fflush(stdout);
  free(c);
}

static void print_table(void) {
  static const int chosen[2][16] = {{-15, -12, -10, -8, -6, -4, -2, -1, 0, 1, 2, 3, 5, 7, 9, 12},
                                   {-14, -9, -7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8}};
  static const int shifted[2][16] = {{-15, -12, -10, -8, -6, -4, -2, -1, 0, 1, 2, 3, 4, 6, 8, 11},
                                     {-14, -11, -9, -7, -5, -3, -1, 0, 1, 2, 3, 4, 5, 7, 9, 12}};
  static const int plain[1][16] = {{-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7}};
  static const int one[1][16] = {{-15, -12, -10, -8, -6, -4, -2, -1, 0, 1, 2, 3, 5, 7, 10, 13}};
  // The chosen tables on an 8 times finer scale.
  static int large[2][16];
  for (int t = 0; t < 2; t++)
    for (int i = 0; i < 16; i++) large[t][i] = chosen[t][i] * 8;
  printf("%-44s %7s", "codec", "bits");
  for (int i = 0; i < source_count; i++) printf(" %8.8s", sources[i].name);
  printf("\n");
  print_codec(product_codec("chosen: two tables x s -8..7", 4.375, 16, 2, chosen, -8, 7));
  print_codec(product_codec("one table and its shift x s -8..7", 4.375, 16, 2, shifted, -8, 7));
  print_codec(product_codec("one table x s -8..7", 4.3125, 16, 1, one, -8, 7));
  print_codec(product_codec("int4 x s -15..15", 4.375, 16, 1, plain, -15, 15));
  print_codec(product_codec("int4 x s -8..7", 4.3125, 16, 1, plain, -8, 7));
  print_codec(product_codec("int4 x s -8..7, blocks of 32", 4.1875, 32, 1, plain, -8, 7));
  print_codec(product_codec("chosen, blocks of 32", 4.21875, 32, 2, chosen, -8, 7));
  print_codec(rounded_codec("rounded two tables x s -64..63", 4.5625, 16, (const int(*)[16])large, 64, 6));
  print_codec(rounded_codec("rounded two tables x s -32..31", 4.5, 16, (const int(*)[16])large, 32, 5));
  print_codec(rounded_codec("rounded two tables x s -8..7", 4.375, 16, (const int(*)[16])large, 8, 3));
}
