// One `surface` for each material, chosen by MATERIAL when the program is built.

struct Surface {
    vec3 albedo;
    vec3 glow;
    float height;   // metres, for bumps
    float gloss;    // 0 matt, 1 mirror
    float metal;
    float through;  // light that passes a leaf or a shade
};

in vec3 v_world;
in vec3 v_normal;
in vec3 v_local;
in vec3 v_local_normal;
flat in vec3 v_face;
flat in vec4 v_tint;
flat in vec3 v_extent;

Surface matt(vec3 albedo) { return Surface(albedo, vec3(0.0), 0.0, 0.0, 0.0, 0.0); }

// Local metres, moved by the copy's number so that no two copies look the same.
vec3 own() { return v_local + v_tint.a * vec3(31.7, 57.1, 83.3); }

// The world plane that a wall or a floor lies in: u along it, v up (or forward on floors).
vec2 plane() {
    vec3 n = abs(v_normal);
    return n.z > max(n.x, n.y) ? v_world.xy : (n.x > n.y ? v_world.yz : v_world.xz);
}

// Local coordinates with the longest side of the copy first.
vec3 lengthwise() {
    vec3 q = own();
    return v_extent.x >= max(v_extent.y, v_extent.z) ? q : (v_extent.y >= v_extent.z ? q.yzx : q.zxy);
}

#if MATERIAL == PAINT
Surface surface(float px) {
    vec3 q = own();
    float n = fbm3(q, 3.0, px);
    Surface s = matt(v_tint.rgb * (1.0 + 0.10 * n + 0.06 * grain(q, 40.0, px)));
    s.gloss = 0.35 + 0.2 * n;
    return s;
}
#elif MATERIAL == PLASTER
Surface surface(float px) {
    vec3 q = v_world;
    float coarse = fbm3(q, 0.35, px), fine = fbm3(q, 9.0, px), grit = grain(q, 160.0, px);
    float streak = grain(vec3(q.xy * 5.0, q.z * 0.35), 1.0, px * 5.0);
    Surface s = matt(v_tint.rgb * (1.0 + 0.10 * coarse + 0.07 * fine + 0.08 * grit + 0.06 * streak));
    s.height = 0.0025 * fine + 0.0012 * grit;
    return s;
}
#elif MATERIAL == BRICK
Surface surface(float px) {
    vec2 u = plane();
    float row = floor(u.y / 0.075);
    u.x += mod(row, 2.0) * 0.11;
    vec2 id = vec2(floor(u.x / 0.22), row);
    float near = fade(4.5, px);
    float each = (hash(ivec3(id, 7)) - 0.5) * near, hue = (hash(ivec3(id, 9)) - 0.5) * near;
    float mortar = max(lines(u.x, 0.22, 0.011, px), lines(u.y, 0.075, 0.011, px));
    float n = fbm3(v_world, 12.0, px), big = fbm3(v_world, 0.4, px);
    vec3 clay = v_tint.rgb * (1.0 + 0.7 * each + 0.2 * n + 0.15 * big) * (1.0 + vec3(0.12, 0.0, -0.12) * hue);
    vec3 joint = mix(vec3(0.42, 0.39, 0.35), v_tint.rgb, 0.25) * (1.0 + 0.2 * n);
    Surface s = matt(mix(clay, joint, mortar));
    s.height = -0.006 * mortar + 0.0015 * n;
    return s;
}
#elif MATERIAL == PLANKS
Surface surface(float px) {
    vec2 u = plane();
    if (abs(v_normal.z) < 0.5) u = u.yx;
    float width = 0.09 + 0.12 * floor(v_tint.a * 4.0) / 4.0, row = floor(u.y / width);
    float shift = hash(ivec3(int(row), 3, 1)) * 2.0, near = fade(1.0 / width, px);
    vec2 id = vec2(floor((u.x + shift) / 1.8), row);
    float each = (hash(ivec3(id, 5)) - 0.5) * near;
    float joint = max(lines(u.y, width, 0.004, px), lines(u.x + shift, 1.8, 0.003, px));
    vec3 q = vec3(u.x, u.y * 9.0, hash(ivec3(id, 1)) * 40.0);
    float fibre = fbm3(q, 3.0, px * 6.0) + 0.5 * grain(q * vec3(1.0, 4.0, 1.0), 8.0, px * 30.0);
    vec3 wood = v_tint.rgb * (1.0 + 0.45 * each + 0.28 * fibre) * (1.0 + vec3(0.0, -0.04, -0.1) * fibre);
    Surface s = matt(wood * (1.0 - 0.75 * joint));
    s.gloss = 0.45;
    s.height = -0.002 * joint + 0.0003 * fibre;
    return s;
}
#elif MATERIAL == WOOD
Surface surface(float px) {
    vec3 q = lengthwise() * vec3(0.6, 9.0, 9.0);
    float rings = grain(q + 0.6 * noise(q * 0.3), 2.2, px * 9.0), fibre = grain(q * vec3(1.0, 3.0, 3.0), 9.0, px * 20.0);
    float big = grain(own(), 1.5, px);
    Surface s = matt(v_tint.rgb * (1.0 + 0.25 * rings + 0.18 * fibre + 0.12 * big));
    s.gloss = 0.3;
    s.height = 0.0006 * rings;
    return s;
}
#elif MATERIAL == BARK
Surface surface(float px) {
    vec3 q = v_world * vec3(1.0, 1.0, 0.22);
    float ridge = abs(grain(q, 22.0, px)), fine = fbm3(v_world, 30.0, px), moss = fbm3(v_world, 2.0, px);
    vec3 c = v_tint.rgb * (0.75 + 0.8 * ridge + 0.25 * fine);
    Surface s = matt(mix(c, vec3(0.10, 0.13, 0.05), clamp(moss * 0.9, 0.0, 0.5)));
    s.height = 0.02 * ridge + 0.004 * fine;
    return s;
}
#elif MATERIAL == ASPHALT
Surface surface(float px) {
    vec3 q = v_world;
    float big = fbm3(q, 0.25, px), mid = fbm3(q, 2.5, px), grit = grain(q, 90.0, px) + 0.8 * grain(q, 230.0, px);
    float crack = smoothstep(0.06, 0.0, abs(noise(q * 0.9 + 0.6 * noise(q * 3.0)))) * fade(12.0, px);
    float patch_ = step(0.82, cell(q.xy / vec2(3.1, 7.3) + 0.4, 4.0)) * 0.35;
    vec3 c = v_tint.rgb * (1.0 + 0.22 * big + 0.14 * mid + 0.3 * grit - patch_) * (1.0 - 0.45 * crack);
    Surface s = matt(c);
    s.height = 0.0015 * grit - 0.004 * crack;
    s.gloss = 0.15;
    return s;
}
#elif MATERIAL == GRASS
Surface surface(float px) {
    vec3 q = v_world;
    float big = fbm3(q, 0.06, px), mid = fbm3(q, 0.9, px), fine = grain(q, 14.0, px) + grain(q, 45.0, px);
    float bare = smoothstep(0.22, 0.5, mid * 0.7 + big * 0.5 + 0.15 * fine);
    vec3 green = v_tint.rgb * (1.0 + 0.35 * mid + 0.45 * fine) * (1.0 + vec3(0.5, 0.12, -0.2) * (big + 0.4 * mid));
    vec3 soil = vec3(0.17, 0.12, 0.075) * (0.8 + 0.4 * v_tint.a) * (1.0 + 0.4 * fine);
    // Far mountains: rock above the meadows, snow on the tops.
    float steep = fbm3(q, 0.02, px) * 25.0 + fbm3(q, 0.1, px) * 8.0;
    vec3 rock = vec3(0.24, 0.22, 0.21) * (1.0 + 0.5 * mid + 0.4 * fbm3(q, 0.05, px));
    float alpine = smoothstep(38.0, 62.0, q.z + steep), white = smoothstep(95.0, 125.0, q.z + 1.6 * steep);
    Surface s = matt(mix(mix(mix(green, soil, bare * 0.75), rock, alpine), vec3(0.85), white));
    s.height = 0.02 * mid + 0.01 * fine;
    return s;
}
#elif MATERIAL == FABRIC
Surface surface(float px) {
    vec3 q = own();
    float fold = fbm3(q, 2.5, px), fuzz = grain(q, 130.0, px), weave = grain(q, 420.0, px);
    float stripes = v_tint.a > 0.8 ? lines(q.x + q.y * 0.2, 0.09, 0.035, px) : 0.0;
    float checks = v_tint.a < 0.15 ? 0.5 * (lines(q.x, 0.12, 0.05, px) + lines(q.y + q.z, 0.12, 0.05, px)) : 0.0;
    vec3 other = v_tint.gbr * 0.6 + 0.25;
    vec3 c = mix(v_tint.rgb, other, clamp(stripes + checks, 0.0, 1.0) * 0.8);
    Surface s = matt(c * (1.0 + 0.14 * fold + 0.14 * fuzz + 0.12 * weave));
    s.height = 0.006 * fold + 0.0008 * fuzz;
    return s;
}
#elif MATERIAL == TILES
Surface surface(float px) {
    vec2 u = plane();
    float size = 0.12 + 0.5 * floor(v_tint.a * 5.0) / 5.0, near = fade(1.0 / size, px);
    ivec3 id = ivec3(floor(u / size), 3);
    float joint = max(lines(u.x, size, 0.007, px), lines(u.y, size, 0.007, px));
    float checker = v_tint.a > 0.6 ? mix(0.5, mod(float(id.x + id.y), 2.0), near) : 0.0;
    float n = fbm3(v_world, 5.0, px), vein = smoothstep(0.08, 0.0, abs(noise(v_world * 2.2 + n))) * fade(8.0, px);
    vec3 c = v_tint.rgb * (1.0 - 0.55 * checker) * (1.0 + 0.22 * (hash(id) - 0.5) * near + 0.1 * n - 0.12 * vein);
    Surface s = matt(mix(c, v_tint.rgb * 0.4 + 0.08, joint));
    s.gloss = 0.6 * (1.0 - joint);
    s.height = -0.002 * joint;
    return s;
}
#elif MATERIAL == METAL
Surface surface(float px) {
    vec3 q = lengthwise();
    float brushed = grain(q * vec3(0.5, 40.0, 40.0), 4.0, px * 40.0), spot = fbm3(q, 5.0, px);
    float rust = smoothstep(0.12, 0.5, spot) * step(0.6, v_tint.a);
    vec3 c = v_tint.rgb * (1.0 + 0.12 * brushed + 0.18 * spot);
    Surface s = matt(mix(c, vec3(0.20, 0.09, 0.04), rust * 0.8));
    s.gloss = 0.6 * (1.0 - 0.8 * rust);
    s.metal = 0.6 * (1.0 - rust);
    s.height = 0.0006 * spot;
    return s;
}
#elif MATERIAL == ROOF
Surface surface(float px) {
    vec2 u = vec2(abs(v_normal.x) > abs(v_normal.y) ? v_world.y : v_world.x, v_world.z * 1.45);
    float row = floor(u.y / 0.24), near = fade(4.0, px);
    u.x += mod(row, 2.0) * 0.12;
    vec2 f = fract(u / 0.24);
    float each = (hash(ivec3(floor(u.x / 0.24), row, 2)) - 0.5) * near, n = fbm3(v_world, 1.1, px);
    float shade = mix(1.0, 0.55 + 0.45 * smoothstep(0.0, 0.35, f.y), near);
    vec3 c = v_tint.rgb * (1.0 + 0.4 * each + 0.25 * n) * shade;
    Surface s = matt(mix(c, vec3(0.09, 0.10, 0.05), clamp(n - 0.1, 0.0, 0.5)));
    s.height = 0.012 * sin(f.x * 3.14159) * near - 0.01 * f.y * near;
    return s;
}
#elif MATERIAL == LEAF
Surface surface(float px) {
    float each = hash(ivec3(v_face * 97.0 + v_tint.a * 999.0)) - 0.5;
    float n = grain(v_world, 60.0, px), big = noise(v_world * 1.3);
    vec3 c = v_tint.rgb * (1.0 + 0.55 * each + 0.2 * n + 0.2 * big) * (1.0 + vec3(0.35, 0.08, -0.1) * each);
    Surface s = matt(max(c, 0.0));
    s.through = 0.45;
    s.gloss = 0.25;
    return s;
}
#elif MATERIAL == GLASS
Surface surface(float px) {
    float n = noise(own() * 0.7), blinds = v_tint.a > 0.75 ? lines(v_world.z, 0.05, 0.03, px) : 0.0;
    Surface s = matt(mix(v_tint.rgb * (1.0 + 0.4 * n), vec3(0.55, 0.53, 0.48), blinds * 0.7));
    s.gloss = 1.0;
    s.height = 0.004 * n;
    return s;
}
#elif MATERIAL == GLOW
Surface surface(float px) {
    Surface s = matt(vec3(0.5));
    s.glow = v_tint.rgb * 3.0 * (0.85 + 0.15 * noise(own() * 3.0));
    return s;
}
#elif MATERIAL == CONCRETE
Surface surface(float px) {
    vec3 q = v_world;
    vec2 u = plane();
    float big = fbm3(q, 0.3, px), mid = fbm3(q, 3.0, px), pit = smoothstep(0.45, 0.7, grain(q, 35.0, px));
    float joint = max(lines(u.x, 2.4, 0.012, px), lines(u.y, 1.2, 0.012, px)) * step(0.5, v_tint.a);
    float stain = grain(vec3(q.xy * 2.0, q.z * 0.2), 1.3, px * 2.0);
    vec3 c = v_tint.rgb * (1.0 + 0.18 * big + 0.12 * mid + 0.14 * stain + 0.1 * grain(q, 120.0, px)) * (1.0 - 0.4 * pit);
    Surface s = matt(c * (1.0 - 0.5 * joint));
    s.height = 0.002 * mid - 0.003 * pit - 0.005 * joint;
    s.gloss = 0.12;
    return s;
}
#elif MATERIAL == STONE
Surface surface(float px) {
    vec3 q = v_world + v_tint.a * 7.0;
    float big = fbm3(q, 1.6, px), mid = fbm3(q, 9.0, px), grit = grain(q, 110.0, px);
    float lichen = smoothstep(0.25, 0.4, fbm3(q + 5.0, 3.0, px));
    vec3 c = v_tint.rgb * (1.0 + 0.35 * big + 0.3 * mid + 0.2 * grit);
    Surface s = matt(mix(c, vec3(0.34, 0.33, 0.22), 0.4 * lichen));
    s.height = 0.03 * big + 0.012 * mid + 0.002 * grit;
    return s;
}
#elif MATERIAL == PICTURE
Surface surface(float px) {
    vec3 q = own() * (2.0 + 6.0 * fract(v_tint.a * 7.3));
    float a = noise(q), b = noise(q * 2.3 + 8.0), c = noise(q * 6.1 + 3.0);
    vec3 one = v_tint.rgb, two = v_tint.brg * 0.8 + 0.1, three = 1.0 - v_tint.gbr;
    vec3 paint = mix(mix(one, two, smoothstep(-0.05, 0.05, a + 0.3 * b)), three, smoothstep(0.2, 0.25, b + 0.4 * c));
    Surface s = matt(max(paint, 0.02) * (1.0 + 0.2 * c));
    s.gloss = 0.3;
    return s;
}
#elif MATERIAL == RUG
Surface surface(float px) {
    vec3 q = v_local;
    vec2 edge = 0.5 * v_extent.xy - abs(q.xy);
    float border = step(min(edge.x, edge.y), 0.16) - step(min(edge.x, edge.y), 0.06);
    float figure = 0.5 + 0.5 * sin(abs(q.x) * (12.0 + 20.0 * v_tint.a)) * sin(abs(q.y) * (10.0 + 16.0 * v_tint.a));
    float near = fade(8.0, px), pile = grain(own(), 140.0, px) + 0.6 * grain(own(), 30.0, px);
    float mask = mix(0.5, step(0.55, figure), near);
    vec3 c = mix(v_tint.rgb, v_tint.brg * 0.7 + 0.15, clamp(mask * 0.7 + border, 0.0, 1.0));
    Surface s = matt(c * (1.0 + 0.25 * pile));
    s.height = 0.002 * pile;
    return s;
}
#elif MATERIAL == PAVING
Surface surface(float px) {
    vec2 u = plane();
    vec2 size = v_tint.a > 0.5 ? vec2(0.2, 0.1) : (v_tint.a > 0.25 ? vec2(0.5, 0.5) : vec2(0.6, 0.3));
    float row = floor(u.y / size.y), near = fade(1.0 / size.y, px);
    u.x += mod(row, 2.0) * size.x * 0.5;
    float each = (hash(ivec3(floor(u.x / size.x), row, 4)) - 0.5) * near;
    float joint = max(lines(u.x, size.x, 0.009, px), lines(u.y, size.y, 0.009, px));
    float n = fbm3(v_world, 6.0, px), big = fbm3(v_world, 0.5, px), grit = grain(v_world, 140.0, px);
    vec3 c = v_tint.rgb * (1.0 + 0.35 * each + 0.12 * n + 0.15 * big + 0.12 * grit);
    Surface s = matt(mix(c, v_tint.rgb * 0.35, joint));
    s.height = -0.004 * joint + 0.001 * n;
    return s;
}
#elif MATERIAL == RIBBED
Surface surface(float px) {
    vec2 u = plane();
    float period = 0.18, near = fade(1.0 / period, px), wave = sin(u.x / period * 6.28318);
    float n = fbm3(v_world, 0.8, px), dirt = grain(vec3(u.x * 3.0, u.y * 0.2, 0.0), 1.0, px * 3.0);
    float seam = lines(u.y, 2.2, 0.02, px);
    Surface s = matt(v_tint.rgb * (1.0 + 0.15 * n + 0.15 * dirt + 0.18 * wave * near) * (1.0 - 0.4 * seam));
    s.height = 0.012 * wave * near;
    s.gloss = 0.35;
    s.metal = 0.25;
    return s;
}
#elif MATERIAL == CERAMIC
Surface surface(float px) {
    vec3 q = own();
    float band = v_tint.a > 0.6 ? lines(v_local.z + 0.5, 0.045, 0.012, px) : 0.0;
    Surface s = matt(mix(v_tint.rgb, v_tint.gbr * 0.5, band * 0.8) * (1.0 + 0.05 * fbm3(q, 14.0, px)));
    s.gloss = 0.8;
    return s;
}
#elif MATERIAL == LABEL
Surface surface(float px) {
    float up = v_local.z / max(v_extent.z, 1e-3), inside = step(0.15, up) * step(up, 0.5);
    float print_ = lines(v_local.z, 0.012, 0.005, px) * step(0.0, noise(v_local * 90.0)) * fade(90.0, px);
    vec3 paper = mix(vec3(0.75), v_tint.brg, fract(v_tint.a * 5.7)) * (1.0 - 0.7 * print_);
    Surface s = matt(mix(v_tint.rgb, paper, inside));
    s.gloss = mix(0.9, 0.2, inside);
    return s;
}
#elif MATERIAL == FRUIT
Surface surface(float px) {
    vec3 q = own();
    float n = fbm3(q, 18.0, px), streak = noise(vec3(atan(v_local.y, v_local.x) * 5.0, v_local.z * 8.0, v_tint.a * 50.0));
    vec3 c = v_tint.rgb * (1.0 + 0.2 * n + 0.25 * streak) * (1.0 + vec3(0.2, 0.25, 0.0) * streak);
    Surface s = matt(max(c, 0.0));
    s.gloss = 0.55;
    s.height = 0.0008 * n;
    return s;
}
#elif MATERIAL == FUR
Surface surface(float px) {
    vec3 q = own();
    float hair = grain(q * vec3(1.0, 0.25, 0.6), 220.0, px), tuft = fbm3(q, 14.0, px), spots = noise(q * 2.6);
    float patch_ = v_tint.a > 0.5 ? smoothstep(0.12, 0.2, spots) : 0.0;
    vec3 c = mix(v_tint.rgb, vec3(0.8, 0.76, 0.7), patch_ * 0.85);
    Surface s = matt(c * (1.0 + 0.2 * hair + 0.25 * tuft));
    s.height = 0.004 * tuft + 0.001 * hair;
    return s;
}
#elif MATERIAL == PRINT
// A figure repeated on cloth or wallpaper; it runs on where a hanging cloth bends forward over a table.
Surface surface(float px) {
    float size = 0.03 + 0.12 * fract(v_tint.a * 9.7), near = fade(2.0 / size, px);
    vec2 u = vec2(v_local.x, v_local.z - v_local.y) / size;
    u.x += 0.5 * mod(floor(u.y), 2.0) * step(0.4, v_tint.a);
    vec2 p = fract(u) - 0.5;
    float petals = 3.0 + floor(fract(v_tint.a * 23.1) * 4.0), turn = 6.28318 * fract(v_tint.a * 5.3);
    float r = length(p), rim = 0.3 + 0.13 * cos(petals * atan(p.y, p.x) + turn), soft = px / size + 0.01;
    float figure = mix(0.3, smoothstep(soft, -soft, r - rim), near), heart = mix(0.1, smoothstep(soft, -soft, r - 0.4 * rim), near);
    float border = v_tint.a > 0.7 ? lines(u.x * size, size, 0.08 * size, px) : 0.0;
    vec3 two = v_tint.brg * 0.8 + 0.1, three = max(0.9 - v_tint.gbr, 0.03);
    vec3 c = mix(mix(mix(v_tint.rgb, two, figure), three, heart), two, border);
    float fuzz = grain(own(), 130.0, px), fold = fbm3(own(), 2.5, px);
    Surface s = matt(c * (1.0 + 0.1 * fuzz + 0.12 * fold));
    s.height = 0.003 * fold;
    return s;
}
#elif MATERIAL == WATER
Surface surface(float px) {
    vec3 q = vec3(v_world.xy, v_tint.a * 50.0);
    float swell = fbm3(q * vec3(1.0, 2.2, 1.0), 0.5, px), ripple = fbm3(q * vec3(1.0, 1.7, 1.0), 4.0, px);
    float scum = smoothstep(0.15, 0.5, fbm3(q, 0.12, px));
    Surface s = matt(v_tint.rgb * (0.8 + 0.5 * scum + 0.15 * ripple));
    s.gloss = 1.0;
    s.height = 0.03 * swell + 0.006 * ripple;
    return s;
}
#endif
